"""
Retention limits: what no number rests on leaves a raw table some months after it was loaded.

`[retention]` of a home's `journey.toml` names raw tables and months. Two kinds of rows leave: those
in quarantine, and versions of an entity that a version of a later `version_column` replaced, unless
models read them (`versions_are_read` in the contract). Staging takes the newest version, so no mart
says anything else afterwards, and an increment equals a full build as before.

What else is old stays, since numbers of today rest on it: somebody's first visit makes the others
returns, an old login joins two devices, an old order makes the next a repeat.

The cutoff is the beginning of a business month, so most nights have nothing to do.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb

from orchestration.base.database import transaction
from orchestration.loading.contract import Table
from orchestration.settings import INSTANT, Settings, SettingsError, unknown

# Rows that count again when the one that displaced them is retracted.
KEPT = "R_KEY_CONFLICT"


def cutoff(as_of_at: str, months: int, zone: str) -> datetime:
    """
    The instant (UTC) at which the month began that lies `months` before that of a run.

    The month of a run is that of its last business day: `as_of_at` (UTC) is exclusive.
    """
    end = datetime.strptime(as_of_at, INSTANT).replace(tzinfo=UTC) - timedelta(seconds=1)
    last = end.astimezone(ZoneInfo(zone))
    month = 12 * last.year + last.month - 1 - months
    first = datetime(month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo(zone))
    return first.astimezone(UTC).replace(tzinfo=None)


def check(settings: Settings, tables: dict[str, Table]) -> None:
    """Raise `SettingsError` when a limit is set for what is no raw table."""
    where = f"{settings.home / 'journey.toml'}: retention: "
    # All versions of a request hold, and its rows say why somebody is gone.
    known = [label for label in tables if not label.startswith("privacy/")]
    for label in settings.retention:
        if label not in known:
            raise SettingsError(unknown(label, "raw table with a limit", known, where))


def expire(
    connection: duckdb.DuckDBPyConnection,
    tables: dict[str, Table],
    settings: Settings,
    as_of_at: str,
) -> dict[str, tuple[datetime, int]]:
    """
    Take out what limits have passed since they were last kept.

    Returns cutoff (UTC) and number of rows by label.
    """
    found = {}
    for label, months in settings.retention.items():
        table, at = tables[label], cutoff(as_of_at, months, settings.business_timezone)
        row = connection.execute(
            "select count(*) from ops.retentions "
            "where source = ? and table_name = ? and cutoff_at >= ?",
            [table.source, table.name, at],
        ).fetchone()
        if row != (0,):
            continue
        with transaction(connection):
            versions = _versions(connection, table, at)
            quarantined = _quarantine(connection, table, at)
            connection.execute(
                "insert into ops.retentions by name select ? as source, ? as table_name, "
                "?::timestamp as cutoff_at, ?::bigint as versions, ?::bigint as quarantined_rows, "
                "?::timestamp as as_of_at",
                [table.source, table.name, at, versions, quarantined, as_of_at],
            )
        if versions + quarantined:
            found[label] = at, versions + quarantined
    return found


def _versions(connection: duckdb.DuckDBPyConnection, table: Table, at: datetime) -> int:
    if table.version_column is None or table.versions_are_read:
        return 0
    keys = ", ".join(f'"{name}"' for name in table.key)
    return _leave(
        connection, table, at, "rows_loaded",
        f"""
        select version_id from (
            select rowid as version_id, "{table.version_column}" as version,
                max("{table.version_column}") over (partition by {keys}) as newest
            from {table.relation}
        ) where version < newest
        """,
        table.relation, "_file_id",
    )  # fmt: skip


def _quarantine(connection: duckdb.DuckDBPyConnection, table: Table, at: datetime) -> int:
    return _leave(
        connection, table, at, "rows_quarantined",
        f"select rowid from ops.quarantined_rows where source = '{table.source}' "
        f"and table_name = '{table.name}' and reason != '{KEPT}'",
        "ops.quarantined_rows", "file_id",
    )  # fmt: skip


def _leave(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    at: datetime,
    fate: str,
    candidates: str,
    relation: str,
    file_column: str,
) -> int:
    """Delete those of some rows that were loaded before an instant, and count them per file."""
    mine = "source = ? and table_name = ?"
    who = [table.source, table.name]
    connection.execute(
        f"""
        create or replace temp table expired as
        select rowid as row_id, {file_column} as file_id from {relation}
        where rowid in ({candidates}) and {file_column} in (
            select file_id from ops.files where {mine} and status = 'loaded' and loaded_at < ?
        )
        """,
        [*who, at],
    )
    connection.execute(
        f"""
        update ops.files set
            {fate} = {fate} - gone.row_count,
            rows_expired = coalesce(rows_expired, 0) + gone.row_count
        from (select file_id, count(*) as row_count from temp.expired group by 1) as gone
        where files.file_id = gone.file_id and {mine}
        """,
        who,
    )
    connection.execute(f"delete from {relation} where rowid in (select row_id from temp.expired)")
    row = connection.execute("select count(*) from temp.expired").fetchone()
    connection.execute("drop table temp.expired")
    return int(row[0]) if row else 0
