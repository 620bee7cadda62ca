"""
The load ledger: what became of every file, in the schema `ops` of the warehouse.

A file is loaded in one transaction together with its ledger rows, so a crash leaves either the
whole load or nothing of it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from orchestration.loading import privacy
from orchestration.loading.contract import Table, technical_columns

# Name and type of the columns; a warehouse of an earlier version gets the ones it lacks.
_TABLES = {
    # One row per file content and raw table. status: loaded, rejected, waived (rejected, and the
    # gate may pass without it), withdrawn (a rejected file that is gone), retracted, requeued.
    "files": {
        "file_id": "varchar",
        "source": "varchar",
        "table_name": "varchar",
        "file_name": "varchar",
        "status": "varchar",
        "load_sequence": "bigint",
        "load_batch": "bigint",
        "rows_in": "bigint",
        "rows_loaded": "bigint",
        "rows_duplicate": "bigint",
        "rows_quarantined": "bigint",
        "rows_erased": "bigint",
        "rows_expired": "bigint",  # left by retention
        "rows_retracted": "bigint",  # of a retracted file: how many it had brought
        "reject_code": "varchar",
        "reject_column": "varchar",
        "reject_message": "varchar",
        "reject_remedy": "varchar",
        "waive_reason": "varchar",
        "columns": "varchar",  # JSON list, in the order of the file
        "new_columns": "varchar",  # JSON list; each name as its hash
        "missing_columns": "varchar",  # JSON list
        "renamed_columns": "varchar",  # JSON object: contract column, alias used
        "data_through_at": "timestamp",
        "extracted_on": "date",
        "file_size": "bigint",
        "modified_ns": "bigint",
        "changed_ns": "bigint",
        "loaded_at": "timestamp",  # UTC; the limits that depend on a day were those of this one
        "journaled": "ubigint",  # hash of the columns as the journal holds them
        "is_erasure_checked": "boolean",  # searched for the subjects of all requests
        "is_built": "boolean",  # part of the last complete build of the models
    },
    # One row per quarantined physical row.
    "quarantined_rows": {
        "file_id": "varchar",
        "source": "varchar",
        "table_name": "varchar",
        "row_number": "bigint",
        "line_number": "bigint",  # null where only the number of the row is known
        "reason": "varchar",
        "column_name": "varchar",
        "row_redacted": "varchar",  # JSON
    },
    # One row per change of a file against its contract or the files before it.
    "drift_findings": {
        "file_id": "varchar",
        "source": "varchar",
        "table_name": "varchar",
        "kind": "varchar",
        "column_name": "varchar",
        "severity": "varchar",  # info, warn or fail
        "detail": "varchar",
    },
    # Median of a number column in a file, per scored question or currency.
    "column_profiles": {
        "file_id": "varchar",
        "source": "varchar",
        "table_name": "varchar",
        "column_name": "varchar",
        "part": "varchar",
        "median_value": "double",
        "value_count": "bigint",
    },
    # What is known of the subjects of erasure requests: keyed hashes only.
    "erased_identifiers": {
        "request_id": "varchar",
        "identifier_type": "varchar",
        "identifier_hash": "varchar",
    },
    # Which file marked which contact as erased: it holds until all such files are retracted.
    "erasure_marks": {
        "request_id": "varchar",
        "identifier_hash": "varchar",
        "file_id": "varchar",
    },
    # What an erasure still owes: its proof, and the warehouse written anew. Empty most of the time.
    "erasure_dues": {"due_id": "varchar", "erased_at": "timestamp", "proof": "varchar"},
    # The last build of the models (no row, or one): what it was made with, and whether it is whole.
    # Of a whole one also its id, its marts' fingerprint right after it, and the state of its loads.
    "builds": {
        "build_key": "varchar",
        "as_of_at": "timestamp",
        "is_complete": "boolean",
        "build_id": "varchar",
        "fingerprint": "varchar",
        "content_hash": "varchar",
        "load_state": "varchar",
        "mart_hashes": "varchar",  # JSON object: by mart, rows and hashes
    },
    # What a retention limit took out of a raw table and its quarantine (`retaining.py`).
    "retentions": {
        "source": "varchar",
        "table_name": "varchar",
        "cutoff_at": "timestamp",  # UTC: of rows loaded before it
        "versions": "bigint",
        "quarantined_rows": "bigint",
        "as_of_at": "timestamp",  # UTC: the instant of the run
    },
    # Web events that left the raw table since the last complete build.
    "removed_events": {
        "visitor_id": "varchar",
        "user_id": "varchar",
        "email": "varchar",
        "occurred_at": "timestamp",
    },
    # Who was on which exported list when, as the home's ledger of lists says (activation_ledger).
    "list_entries": {
        "list_name": "varchar",
        "listed_date": "date",  # business day that the list was for
        "listed_at": "timestamp",  # its start (UTC)
        "action": "varchar",  # null for lists that offer none
        "is_hold_out": "boolean",
        "identifier_type": "varchar",  # one that the person has, by which they are found again
        "identifier_value": "varchar",
    },
    # Up to which byte of the journal the ledger of a raw table holds what it says; `*`: its end.
    "journal_positions": {"source": "varchar", "table_name": "varchar", "position": "bigint"},
    # The key that the hashes of this warehouse were made with: its id, and a check value.
    "hash_keys": {"key_id": "varchar", "check_value": "varchar"},
}


class PepperChanged(ValueError):
    """The hashes of this warehouse were made with another pepper; mixing them parts persons."""


@dataclass
class FileOutcome:
    """What became of one file; rows_in = loaded + duplicate + quarantined (+ erased, later)."""

    file_id: str
    source: str
    table_name: str
    file_name: str
    status: str = "loaded"
    rows_in: int = 0
    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_quarantined: int = 0
    reject_code: str | None = None
    reject_column: str | None = None
    reject_message: str | None = None
    reject_remedy: str | None = None
    columns: list[str] = field(default_factory=list)
    new_columns: dict[str, str] = field(default_factory=dict)  # hash of the name, description
    missing_columns: list[str] = field(default_factory=list)
    renamed_columns: dict[str, str] = field(default_factory=dict)
    personal: dict[str, int] = field(default_factory=dict)  # values masked by clear column
    load_sequence: int | None = None
    load_batch: int | None = None
    data_through_at: Any = None
    extracted_on: str | None = None
    file_size: int | None = None
    modified_ns: int | None = None
    changed_ns: int | None = None
    loaded_at: datetime | None = None  # UTC, without a zone
    medians: dict[tuple[str, str], float] = field(default_factory=dict)  # by column and part


def create(connection: duckdb.DuckDBPyConnection, tables: list[Table]) -> None:
    """Create ledger and raw tables; a new column is added, a decimal of more digits widened."""
    connection.execute("create schema if not exists ops")
    for name, columns in _TABLES.items():
        _create_table(connection, f"ops.{name}", list(columns.items()))
    for table in tables:
        connection.execute(f'create schema if not exists "raw_{table.source}"')
        declared = [(column.name, column.data_type) for column in table.columns]
        declared = [(n, "varchar" if t == "json" else t) for n, t in declared]
        _create_table(connection, table.relation, [*declared, *technical_columns(table)])


def _create_table(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: list[tuple[str, str]]
) -> None:
    body = ", ".join(f'"{name}" {data_type}' for name, data_type in columns)
    connection.execute(f"create table if not exists {relation} ({body})")
    present = {row[0]: row[1] for row in connection.execute(f"describe {relation}").fetchall()}
    for name, data_type in columns:
        if name not in present:
            connection.execute(f'alter table {relation} add column "{name}" {data_type}')
        elif present[name].startswith("DECIMAL") and present[name] != data_type.upper():
            connection.execute(f'alter table {relation} alter "{name}" type {data_type}')


def note_removed(connection: duckdb.DuckDBPyConnection, table: Table, condition: str) -> None:
    """Remember web events that are about to be deleted: their sessions are to be built anew."""
    if table.label == "web/events":
        connection.execute(
            f"insert into ops.removed_events by name select visitor_id, user_id, email, "
            f"occurred_at from {table.relation} where {condition}"
        )


def load_state(connection: duckdb.DuckDBPyConnection) -> str:
    """A hash of the ledger: changes with every load, rejection, waiver or withdrawal."""
    row = connection.execute(
        "select md5(coalesce(string_agg(concat_ws('|', source, table_name, file_id, status, "
        "rows_loaded, rows_quarantined, rows_erased, rows_expired, waive_reason), chr(10) "
        "order by source, table_name, file_id), '')) "
        "from ops.files"
    ).fetchone()
    assert row is not None
    return str(row[0])


def forget_build(connection: duckdb.DuckDBPyConnection) -> None:
    """The next build is a full one."""
    connection.execute("delete from ops.builds")


def check_pepper(connection: duckdb.DuckDBPyConnection, pepper: str, key_id: str) -> None:
    """Remember the pepper's check value; raises `PepperChanged` when it is another one."""
    value = hmac.new(pepper.encode(), b"journey hash key", hashlib.sha256).hexdigest()[:16]
    row = connection.execute("select key_id, check_value from ops.hash_keys").fetchone()
    if row is None:
        connection.execute("insert into ops.hash_keys values (?, ?)", [key_id, value])
    elif row != (key_id, value):
        raise PepperChanged(
            f"the warehouse was hashed with key {row[0]}; the pepper now given is "
            f"{'another one under the same id' if row[0] == key_id else 'key ' + key_id}. "
            "Remedy: give back the former pepper and pepper_key_id; or, to rotate the key, move "
            "the warehouse folder aside so that the landing zone is loaded anew under the new one"
        )


def known_files(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, dict[str, Any]]:
    """Ledger rows of a table by file id: status, extraction day, sequence, name, size, times."""
    names = ("file_id", "status", "extracted_on", "load_sequence", "file_name", "file_size",
             "modified_ns", "changed_ns", "rows_in")  # fmt: skip
    rows = connection.execute(
        f"select {', '.join(names)} from ops.files where source = ? and table_name = ?",
        [table.source, table.name],
    ).fetchall()
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


def count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Number of rows of a relation, which may carry a condition."""
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    assert row is not None
    return int(row[0])


def next_sequence(connection: duckdb.DuckDBPyConnection) -> int:
    """Number of the next load, 1-based."""
    row = connection.execute("select coalesce(max(load_sequence), 0) + 1 from ops.files").fetchone()
    assert row is not None
    return int(row[0])


def record(connection: duckdb.DuckDBPyConnection, outcomes: list[FileOutcome]) -> None:
    """Write the ledger rows of files of one table, in this order, in place of earlier ones."""
    connection.execute(
        "delete from ops.files where source = ? and table_name = ? "
        f"and file_id in ({', '.join('?' * len(outcomes))})",
        [outcomes[0].source, outcomes[0].table_name, *(outcome.file_id for outcome in outcomes)],
    )
    rows = [_ledger_row(outcome) for outcome in outcomes]
    marks = f"({', '.join('?' * len(rows[0]))})"
    connection.execute(
        f"insert into ops.files ({', '.join(rows[0])}) values {', '.join([marks] * len(rows))}",
        [value for row in rows for value in row.values()],
    )


def _ledger_row(outcome: FileOutcome) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: getattr(outcome, name) for name in _TABLES["files"] if hasattr(outcome, name)
    }
    for name in ("columns", "new_columns", "missing_columns", "renamed_columns"):
        value = list(values[name]) if name == "new_columns" else values[name]
        values[name] = json.dumps(value, ensure_ascii=False)
    is_loaded = outcome.status == "loaded"
    counts = ("rows_in", "rows_loaded", "rows_duplicate", "rows_quarantined")
    return values | (
        {"rows_erased": 0, "rows_expired": 0}
        if is_loaded
        else {"rows_erased": None, "rows_expired": None} | dict.fromkeys(counts)
    )


def note_stamps(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    stamps: list[tuple[str, int | None, int | None, int | None]],
) -> None:
    """Files that were touched and are the same (id, size, times): they are not read again."""
    if stamps:
        connection.execute(
            "update ops.files set file_size = now.file_size, modified_ns = now.modified_ns, "
            "changed_ns = now.changed_ns from ("
            "select unnest(?::varchar[]) as file_id, unnest(?::bigint[]) as file_size, "
            "unnest(?::bigint[]) as modified_ns, unnest(?::bigint[]) as changed_ns) as now "
            "where files.file_id = now.file_id and source = ? and table_name = ?",
            [*(list(part) for part in zip(*stamps, strict=True)), table.source, table.name],
        )


def withdraw_absent(connection: duckdb.DuckDBPyConnection, table: Table, present: set[str]) -> None:
    """A rejected file that is no longer in the landing zone was repaired or taken back."""
    connection.execute(
        """
        update ops.files set status = 'withdrawn'
        where source = ? and table_name = ? and status in ('rejected', 'waived')
            and file_id not in (select unnest(?::varchar[]))
        """,
        [table.source, table.name, sorted(present)],
    )


def find(
    connection: duckdb.DuckDBPyConnection, file: str, statuses: tuple[str, ...]
) -> tuple[str, str, str, str]:
    """
    The one file that a name or the start of an id means: id, source, table, name.

    Raises `LookupError` when not exactly one file of these statuses is meant.
    """
    file = privacy.masked_text(file)  # as it is known
    rows = connection.execute(
        "select file_id, source, table_name, file_name from ops.files "
        "where list_contains(?::varchar[], status) and (starts_with(file_id, ?) or file_name = ?)",
        [list(statuses), file, file],
    ).fetchall()
    if len(rows) != 1:
        raise LookupError(
            f"{file!r} names {len(rows)} {' or '.join(statuses)} files; name exactly one"
        )
    return rows[0]


def waive(connection: duckdb.DuckDBPyConnection, file: str, reason: str) -> tuple[str, str]:
    """
    Let the gate pass in spite of a rejected file, or of a loaded one that drifted.

    Returns its name and its table's label; raises `LookupError` when not exactly one file is meant.
    """
    file_id, source, table, name = find(connection, file, ("rejected", "loaded"))
    connection.execute(
        "update ops.files set waive_reason = ?, "
        "status = case when status = 'rejected' then 'waived' else status end "
        "where file_id = ? and source = ? and table_name = ?",
        [reason, file_id, source, table],
    )
    return name, f"{source}/{table}"
