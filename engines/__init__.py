"""Engines beside DuckDB on which the same models run."""
