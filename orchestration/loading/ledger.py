"""
The load ledger: `ops.files`, one row per file content and table, and `ops.quarantined_rows`.

A file is loaded in one transaction together with its ledger row, so a crash leaves either the
whole load or nothing of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import duckdb

from orchestration.loading.contract import Table, technical_columns

_DDL = """
create schema if not exists ops;
create table if not exists ops.files (
    file_id varchar not null,
    source varchar not null,
    table_name varchar not null,
    file_name varchar not null,
    status varchar not null,          -- loaded, rejected, withdrawn or waived
    load_sequence bigint,
    rows_in bigint,
    rows_loaded bigint,
    rows_duplicate bigint,
    rows_quarantined bigint,
    reject_code varchar,
    reject_column varchar,
    reject_message varchar,
    reject_remedy varchar,
    waive_reason varchar,
    new_columns varchar,              -- JSON list
    missing_columns varchar,          -- JSON list
    data_through_at timestamp
);
create table if not exists ops.quarantined_rows (
    file_id varchar not null,
    source varchar not null,
    table_name varchar not null,
    row_number bigint not null,
    reason varchar not null,
    column_name varchar,
    row_redacted varchar              -- JSON, personal data redacted
);
"""


@dataclass
class FileOutcome:
    """What became of one file; the counts obey rows_in = loaded + duplicate + quarantined."""

    file_id: str
    source: str
    table_name: str
    file_name: str
    status: str
    rows_in: int = 0
    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_quarantined: int = 0
    reject_code: str | None = None
    reject_column: str | None = None
    reject_message: str | None = None
    reject_remedy: str | None = None
    new_columns: list[str] = field(default_factory=list)
    missing_columns: list[str] = field(default_factory=list)


def create(connection: duckdb.DuckDBPyConnection, tables: list[Table]) -> None:
    """Create ledger, quarantine and raw tables; a column new in the contract is added."""
    for statement in _DDL.split(";"):
        if statement.strip():
            connection.execute(statement)
    for table in tables:
        connection.execute(f'create schema if not exists "raw_{table.source}"')
        columns = [(column.name, column.data_type) for column in table.columns]
        columns = [(n, "varchar" if t == "json" else t) for n, t in columns]
        columns += technical_columns()
        body = ", ".join(f'"{name}" {data_type}' for name, data_type in columns)
        connection.execute(f"create table if not exists {table.relation} ({body})")
        for name, data_type in columns:
            connection.execute(
                f'alter table {table.relation} add column if not exists "{name}" {data_type}'
            )


def status_of(connection: duckdb.DuckDBPyConnection, table: Table, file_id: str) -> str | None:
    """Status of a file content under a table, None when it was never seen."""
    row = connection.execute(
        "select status from ops.files where source = ? and table_name = ? and file_id = ?",
        [table.source, table.name, file_id],
    ).fetchone()
    return row[0] if row else None


def next_sequence(connection: duckdb.DuckDBPyConnection) -> int:
    """Number of the next load, 1-based."""
    row = connection.execute("select coalesce(max(load_sequence), 0) + 1 from ops.files").fetchone()
    assert row is not None
    return int(row[0])


def record(
    connection: duckdb.DuckDBPyConnection,
    outcome: FileOutcome,
    load_sequence: int | None = None,
    data_through_at: object = None,
) -> None:
    """Write the ledger row of a file, in place of an earlier rejected one."""
    connection.execute(
        "delete from ops.files where source = ? and table_name = ? and file_id = ?",
        [outcome.source, outcome.table_name, outcome.file_id],
    )
    loaded = outcome.status == "loaded"
    connection.execute(
        f"insert into ops.files values ({', '.join('?' * 18)})",
        [
            outcome.file_id,
            outcome.source,
            outcome.table_name,
            outcome.file_name,
            outcome.status,
            load_sequence,
            outcome.rows_in if loaded else None,
            outcome.rows_loaded if loaded else None,
            outcome.rows_duplicate if loaded else None,
            outcome.rows_quarantined if loaded else None,
            outcome.reject_code,
            outcome.reject_column,
            outcome.reject_message,
            outcome.reject_remedy,
            None,
            json.dumps(outcome.new_columns, ensure_ascii=False),
            json.dumps(outcome.missing_columns),
            data_through_at,
        ],
    )


def withdraw_absent(connection: duckdb.DuckDBPyConnection, table: Table, present: set[str]) -> None:
    """A rejected file that is no longer in the landing zone was repaired or taken back."""
    connection.execute(
        """
        update ops.files set status = 'withdrawn'
        where source = ? and table_name = ? and status in ('rejected', 'waived')
            and not list_contains(?::varchar[], file_id)
        """,
        [table.source, table.name, sorted(present)],
    )


def waive(connection: duckdb.DuckDBPyConnection, file_prefix: str, reason: str) -> str:
    """
    Let the gate pass without a rejected file, by name or by the start of its id.

    Returns its name; raises `LookupError` when not exactly one rejected file is meant.
    """
    rows = connection.execute(
        "select file_id, file_name from ops.files where status = 'rejected' "
        "and (starts_with(file_id, ?) or file_name = ?)",
        [file_prefix, file_prefix],
    ).fetchall()
    if len(rows) != 1:
        raise LookupError(f"{file_prefix!r} names {len(rows)} rejected files; name exactly one")
    connection.execute(
        "update ops.files set status = 'waived', waive_reason = ? where file_id = ?",
        [reason, rows[0][0]],
    )
    return str(rows[0][1])
