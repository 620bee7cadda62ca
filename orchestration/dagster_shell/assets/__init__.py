"""Dagster assets and checks: thin shells around plain functions."""
