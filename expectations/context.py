"""
The only place that imports Great Expectations: slow to import, so only when a suite runs.

Suites run as SQL on the database file, read-only, through duckdb-sqlalchemy; the engine settings
keep GX from closing the connection before it has read its results.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RESULT_FORMAT = {  # failing values may be personal data and go into no report
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
    "include_unexpected_rows": False,
}


@contextmanager
def open_source(database: Path) -> Iterator[tuple[Any, Any]]:
    """The module `great_expectations` and a read-only data source on a DuckDB file."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]  # accepts it
    source = context.data_sources.add_sql(
        name="warehouse",
        connection_string=f"duckdb:///{database}",
        create_temp_table=False,
        kwargs={  # type: ignore[call-arg]  # in GX's API, missing in its type stubs
            "connect_args": {"read_only": True},
            "pool_reset_on_return": None,
            "isolation_level": "AUTOCOMMIT",
            "skip_autocommit_rollback": True,
        },
    )
    try:
        yield gx, source
    finally:
        # Both, or the file stays locked.
        source.get_engine().dispose()
        source.get_execution_engine().close()
