"""Dagster's thin shell: one asset graph, its checks, job, schedule and records."""
