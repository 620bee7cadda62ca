"""Dagster code location of the journey warehouse, and the plain functions that it calls."""
