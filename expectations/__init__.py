"""Great Expectations suites at the raw and the publish boundary; see README.md."""
