"""
What a build of the models may rest on: the last complete one, or nothing.

Incremental models recompute what was touched since the last complete build. That is right only when
that build was whole, was made with the same code, rules and settings, and did not look later in
time. Otherwise the build is a full one. A build that fails half-way leaves none to rest on.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from orchestration.base.database import transaction
from orchestration.building.fingerprint import TableHash, fingerprint
from orchestration.loading import ledger
from orchestration.rules.tables import Rules
from orchestration.settings import DBT_PROJECT_DIR, Settings

# Share of rows that were replaced, from which a run gives back their space; below a quarter DuckDB
# finds no row groups to merge.
VACUUM_FROM = 0.3
# Each load leaves row groups of its own, 256 KiB per table and slow to read; so many are one again.
LOADS_APART = 16
ROW_GROUP = 122_880  # rows that DuckDB holds in one at most


@dataclass(frozen=True)
class Build:
    """A whole build: its id, its marts right after it, its instant (UTC text), and its loads."""

    build_id: str
    fingerprint: str
    content_hash: str
    as_of_at: str
    load_state: str


def new_build_id() -> str:
    """An id that no other build has."""
    return secrets.token_hex(8)


def last_complete(connection: duckdb.DuckDBPyConnection) -> Build | None:
    """The last build; None when there is none, or it was not completed."""
    known = connection.execute(
        "select count(*) from duckdb_columns() where schema_name = 'ops' "
        "and table_name = 'builds' and column_name = 'build_id'"
    ).fetchone()
    if known == (0,):
        return None
    row = connection.execute(
        "select build_id, fingerprint, content_hash, as_of_at::varchar, load_state "
        "from ops.builds where is_complete and build_id is not null"
    ).fetchone()
    return Build(*row) if row else None


def build_key(settings: Settings, rules: Rules) -> str:
    """
    Fingerprint of everything but data and instant that decides what the models say.

    Two in one, so that releases tell which of them changed: of the code, and of rules and settings.
    """
    code = hashlib.sha256(f"duckdb {duckdb.__version__}".encode())
    for path in _files():
        code.update(f"\n{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    said = (
        settings.business_timezone,
        settings.reporting_currency,
        settings.consent_policy,
        rules.digest,
    )
    return f"{code.hexdigest()}-{hashlib.sha256(chr(10).join(said).encode()).hexdigest()}"


def made_of(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Fingerprints of the last build: `code_hash`, and of rules and settings `rules_hash`."""
    row = connection.execute("select build_key from ops.builds").fetchone()
    code, _, rules = (str(row[0]) if row else "").partition("-")
    return {"code_hash": code, "rules_hash": rules}


def mart_hashes(connection: duckdb.DuckDBPyConnection) -> dict[str, TableHash]:
    """Hashes of the marts right after the last build."""
    row = connection.execute("select mart_hashes from ops.builds").fetchone()
    found = json.loads(row[0]) if row and row[0] else {}
    return {name: TableHash(**one) for name, one in found.items()}


def _files() -> list[Path]:
    """Models and macros; tests and documentation pages change no row."""
    project = DBT_PROJECT_DIR
    return [
        project / "dbt_project.yml",
        *sorted(
            path
            for folder in ("models", "macros")
            for path in (project / folder).rglob("*")
            if path.suffix in (".sql", ".py")
        ),
    ]


def note_warehouse(warehouse: Path, seen: Path) -> None:
    """Remember the state in which a run of ours leaves the warehouse file."""
    stat = warehouse.stat()
    seen.write_text(f"{stat.st_size} {stat.st_mtime_ns}", "utf-8")


def distrust_changed(connection: duckdb.DuckDBPyConnection, warehouse: Path, seen: Path) -> bool:
    """
    Whether the warehouse file is another than the last run left; then the next build is a full one.

    Somebody may have edited a mart, and an incremental build would keep the edit.
    """
    if _is_as_left(warehouse, seen):
        return False
    if last_complete(connection):
        ledger.forget_build(connection)
    return True


@contextmanager
def own_change(settings: Settings) -> Iterator[None]:
    """A change by a command of ours: the next build may be incremental if it might before."""
    is_as_left = _is_as_left(settings.warehouse, settings.warehouse_seen)
    yield
    if is_as_left:
        note_warehouse(settings.warehouse, settings.warehouse_seen)


def _is_as_left(warehouse: Path, seen: Path) -> bool:
    if not (warehouse.exists() and seen.exists()):
        return False
    stat = warehouse.stat()
    return seen.read_text("utf-8") == f"{stat.st_size} {stat.st_mtime_ns}"


def begin(
    connection: duckdb.DuckDBPyConnection, key: str, as_of_at: str, full_refresh: bool = False
) -> str | None:
    """
    Open a build; returns why it has to be a full one, or None when it may be incremental.

    From here until `complete` there is no complete build.
    """
    row = connection.execute(
        "select build_key, is_complete, as_of_at > ?::timestamp from ops.builds", [as_of_at]
    ).fetchone()
    if full_refresh:
        reason: str | None = "asked for"
    elif row is None:
        reason = "no build to rest on"
    elif not row[1]:
        reason = "the last build was not completed"
    elif row[0] != key:
        reason = "code, rules or settings changed"
    elif row[2]:
        reason = "the last build looked later in time"
    else:
        reason = None
    if reason:
        ledger.forget_build(connection)
        connection.execute("drop schema if exists touched cascade")
    else:
        connection.execute("update ops.builds set is_complete = false")
    return reason


def complete(connection: duckdb.DuckDBPyConnection, key: str, as_of_at: str, build_id: str) -> None:
    """Close a build that went through: what is loaded now is built, and these are its marts."""
    marts = fingerprint(connection)
    with transaction(connection):
        ledger.forget_build(connection)
        connection.execute(
            "insert into ops.builds (build_key, as_of_at, is_complete, build_id, fingerprint, "
            "content_hash, load_state, mart_hashes) values (?, ?, true, ?, ?, ?, ?, ?)",
            [key, as_of_at, build_id, marts.value, marts.content_hash,
             ledger.load_state(connection),
             json.dumps({name: asdict(table) for name, table in marts.tables.items()})],
        )  # fmt: skip
        connection.execute("delete from ops.removed_events")
        connection.execute("update ops.files set is_built = (status = 'loaded')")


def vacuum_tasks(connection: duckdb.DuckDBPyConnection) -> int:
    """
    How many row groups of each table the run's last checkpoint may merge: none, or all.

    DuckDB keeps the room of deleted rows until its vacuum writes row groups again. Left alone, it
    does so in each run, for a few rows in each table, which took a fourteenth of a run at 50
    million events. So it waits until `VACUUM_FROM` of all rows were replaced, a matter of weeks, or
    until `LOADS_APART` loads lie apart in the raw tables, as the list of files shows: after a year
    of small nights they were 500 of 700 MiB, and read 25 times as slowly as in one piece.
    """
    row = connection.execute(
        "select count(distinct row_group_id), (select count(*) from ops.files) "
        "from pragma_storage_info('ops.files')"
    ).fetchone()
    groups, files = row or (0, 0)
    tables = connection.execute(
        "select schema_name, table_name, estimated_size from duckdb_tables() "
        "where schema_name in ('intermediate', 'marts')"
    ).fetchall()
    stored = sum(rows for _, _, rows in tables)
    held = 0
    for schema, table, _ in tables:
        counted = connection.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
        held += counted[0] if counted else 0
    are_loads_apart = groups > LOADS_APART + files // ROW_GROUP
    return 1_000_000 if are_loads_apart or stored - held > VACUUM_FROM * stored else 0
