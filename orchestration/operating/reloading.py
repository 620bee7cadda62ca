"""
`journey retract` and `journey requeue`: retract a load, or load it again after a repair.

Both unload files and load what has to be loaded again, so the raw tables are as if it had always
been so. Where files of a table overlap (a row stood in two of them), all its files are loaded
again, since a row that counted as duplicate may now be the only one. For that they have to lie in
the landing zone still: if one is missing, nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import duckdb

from orchestration.base import command
from orchestration.base.database import WarehouseDamaged, open_warehouse, transaction
from orchestration.base.locking import single_writer
from orchestration.building import builds
from orchestration.loading import journal, landing_zone, ledger, loader
from orchestration.loading.contract import Table, load_contract
from orchestration.rules import home as home_rules
from orchestration.settings import Settings, load_settings


class ReloadError(ValueError):
    """The files cannot be unloaded; the message names them and the remedy."""


def _contract(settings: Settings) -> dict[str, Table]:
    rules = home_rules.load(settings.home)
    return load_contract(rules, business_timezone=settings.business_timezone)


def retract(connection: duckdb.DuckDBPyConnection, settings: Settings, file: str) -> list[str]:
    """Retract a load for good; returns what was done, one line per file."""
    file_id, source, name, file_name = ledger.find(connection, file, ("loaded", "requeued"))
    table = _contract(settings)[f"{source}/{name}"]
    again = _unload(connection, settings, table, {file_id}, keep_out=True)
    return [f"{file_name}: retracted", *_load(connection, settings, table, again)]


def requeue(connection: duckdb.DuckDBPyConnection, settings: Settings, what: str) -> list[str]:
    """
    Load files again: one file, by name or id, or all with rows quarantined for a reason.

    Raises `LookupError` when nothing is meant.
    """
    if what.startswith("R_"):
        rows = connection.execute(
            "select distinct file_id, source, table_name from ops.quarantined_rows "
            "where reason = ? order by all",
            [what],
        ).fetchall()
        if not rows:
            raise LookupError(f"no row is quarantined for {what}")
    else:
        rows = [ledger.find(connection, what, ("loaded", "retracted", "requeued"))[:3]]
    lines: list[str] = []
    tables = _contract(settings)
    for label in sorted({f"{source}/{name}" for _, source, name in rows}):
        files = {row[0] for row in rows if f"{row[1]}/{row[2]}" == label}
        again = _unload(connection, settings, tables[label], files, keep_out=False)
        lines += _load(connection, settings, tables[label], again)
    return lines


def requeue_after_a_wrong_clock(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> list[str]:
    """
    Load again what lay in the future of a clock that stood behind; returns one line per file.

    It stood behind when a file was loaded before it was written, or before one that was loaded
    earlier. Files that are not in the landing zone any more stay as they are.
    """
    ledger.create(connection, [])
    files = connection.execute(
        """
        select file_id from ops.files as mine
        where status = 'loaded'
            and file_id in (
                select file_id from ops.quarantined_rows
                where reason = 'R_TS_FUTURE' and source = mine.source
                    and table_name = mine.table_name
            )
            and (
                loaded_at < make_timestamp(modified_ns // 1000)
                or loaded_at < (
                    select max(earlier.loaded_at) from ops.files as earlier
                    where earlier.load_sequence < mine.load_sequence
                )
            )
        order by load_sequence
        """
    ).fetchall()
    lines: list[str] = []
    for (file_id,) in files:
        with suppress(ReloadError):
            lines += requeue(connection, settings, file_id)
    return lines


def _unload(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    table: Table,
    files: set[str],
    keep_out: bool,
) -> set[str]:
    """Remove all traces of files; returns those to be loaded again."""
    who = [table.source, table.name]
    loaded = dict(
        connection.execute(
            "select file_id, file_name from ops.files "
            "where source = ? and table_name = ? and status = 'loaded'",
            who,
        ).fetchall()
    )
    overlap = connection.execute(
        "select count(*) from ops.files where source = $1 and table_name = $2 "
        "and status = 'loaded' and (rows_duplicate > 0 or file_id in ("
        "select file_id from ops.quarantined_rows "
        "where source = $1 and table_name = $2 and reason = 'R_KEY_CONFLICT') "
        "or exists (select 1 from ops.retentions "  # a version that left may be the newest again
        "where source = $1 and table_name = $2 and versions > 0))",
        who,
    ).fetchone()
    unloaded = files | (set(loaded) if overlap and overlap[0] else set())
    again = unloaded - files if keep_out else unloaded
    known = ledger.known_files(connection, table)
    present = {f.file_id for f in landing_zone.present_files(settings.landing, table, known)}
    if missing := sorted(loaded.get(file_id, file_id) for file_id in again - present):
        raise ReloadError(
            f"{', '.join(missing[:5])} ({len(missing)} files) would have to be loaded again and "
            f"are not in {settings.landing} any more; put them back, then repeat"
        )
    with transaction(connection):
        ids = sorted(unloaded)
        of_files = f"list_contains({ids}::varchar[], _file_id)"  # hexadecimal hashes
        ledger.note_removed(connection, table, of_files)
        connection.execute(f"delete from {table.relation} where {of_files}")
        for name in ("quarantined_rows", "drift_findings", "column_profiles"):
            connection.execute(
                f"delete from ops.{name} where source = ? and table_name = ? "
                "and list_contains(?::varchar[], file_id)",
                [*who, ids],
            )
        connection.execute(
            """
            update ops.files set
                status = case when list_contains(?::varchar[], file_id) then 'requeued'
                    else 'retracted' end,
                rows_retracted = case when list_contains(?::varchar[], file_id) then 0
                    else rows_loaded end,
                rows_in = null, rows_loaded = null, rows_duplicate = null,
                rows_quarantined = null, rows_erased = null, rows_expired = null,
                data_through_at = null
            where source = ? and table_name = ? and list_contains(?::varchar[], file_id)
            """,
            [sorted(again), sorted(again), *who, ids],
        )
    journal.keep(connection, table, settings.journal)
    return again


def _load(
    connection: duckdb.DuckDBPyConnection, settings: Settings, table: Table, files: set[str]
) -> list[str]:
    if not files:
        return []
    outcomes = loader.load_table(
        connection,
        table,
        settings.landing,
        pepper=settings.effective_pepper,
        pepper_key_id=settings.pepper_key_id,
        phone_region=settings.phone_region,
        journal_path=settings.journal,
    )
    return [loader.describe(outcome) for outcome in outcomes]


def run(action: Callable[[duckdb.DuckDBPyConnection, Settings, str], list[str]], what: str) -> None:
    """Retract or requeue, under the home's lock, and print what came of it."""
    settings = load_settings()
    with (
        command.failing_on(
            LookupError,
            ReloadError,
            ledger.PepperChanged,
            journal.JournalDamaged,
            WarehouseDamaged,
        ),
        single_writer(settings.home),
        builds.own_change(settings),
        open_warehouse(settings) as connection,
    ):
        ledger.create(connection, [])
        lines = action(connection, settings, what)
    print("\n".join([*lines, "next: journey nightly"]))
