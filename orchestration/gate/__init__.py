"""The gate: checks, and a verdict about exactly one candidate."""
