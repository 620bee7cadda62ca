"""Releases: published whole, listed, rolled back."""
