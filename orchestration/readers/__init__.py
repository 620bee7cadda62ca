"""What serves readers of a release: page, dictionary, dashboard, metrics, PostgreSQL."""
