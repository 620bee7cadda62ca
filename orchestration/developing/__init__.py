"""Developers' tools: dbt by hand, the proof of increments, scaffolds."""
