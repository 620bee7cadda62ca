"""What the files of a release are called, for who writes it and for who reads it."""

DATABASE = "journey.duckdb"  # constant: the file's stem is the catalog that BI tools remember
PAGE = "journey_map.html"
CHECKS_PAGE = "checks.html"
SCHEMA = "marts"
