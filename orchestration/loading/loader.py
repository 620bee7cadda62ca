"""
Load the landing zone into the raw tables: every physical row ends loaded, duplicate or quarantined.

One file is one transaction. The result does not depend on file names or on the order in which
files arrive, with one stated exception: versions of an entity that carry neither a version column
nor a `dt=` folder are ordered by load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.loading import drift, journal, ledger, privacy
from orchestration.loading.contract import Table
from orchestration.loading.file_load import FileLoad
from orchestration.loading.landing_zone import (
    LandingFile,
    gone_folders,
    present_files,
    stamp_of,
    stray_files,
)
from orchestration.loading.ledger import FileOutcome
from orchestration.loading.reading import RejectedFile
from orchestration.loading.together import Together


def load_table(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    landing: Path,
    *,
    pepper: str | None,
    pepper_key_id: str = "k1",
    phone_region: str = "JP",
    loaded_at: datetime | None = None,
    journal_path: Path | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> list[FileOutcome]:
    """
    Load the files of one table that the ledger does not know yet; returns their outcomes.

    `loaded_at` (UTC, the clock when not given) only serves to refuse rows dated later than a day
    after it. A rejected file is recorded and does not stop the others. With a journal, files that
    it holds and the ledger does not are loaded first, as they were. Raises `PepperChanged` when the
    warehouse was hashed with another pepper, `JournalDamaged` when the journal cannot be read.
    """
    ledger.create(connection, [table])
    connection.execute("set TimeZone = 'UTC'")
    if pepper is not None:
        ledger.check_pepper(connection, pepper, pepper_key_id)
    privacy.prepare(connection, pepper or "", pepper_key_id, phone_region)
    past = journal.to_replay(connection, table, journal_path, progress) if journal_path else []
    load = FileLoad(connection, table, pepper is not None, drift.History(connection, table))
    known = ledger.known_files(connection, table)
    files = present_files(landing, table, known)
    outcomes: list[FileOutcome] = []
    if past:
        outcomes += _replay(load, past, files, progress)
        known = ledger.known_files(connection, table)
    load.begin(loaded_at or datetime.now(UTC), ledger.next_sequence(connection))
    load.former = _by_name(known)
    together = Together(load)

    def note(loaded: list[FileOutcome]) -> None:
        for outcome in loaded:
            progress(describe(outcome))
            known[outcome.file_id] = {
                "status": outcome.status,
                "load_sequence": outcome.load_sequence,
                "extracted_on": _day(outcome.extracted_on),
            }
        outcomes.extend(loaded)

    present: set[str] = set()
    for file in files:
        present.add(file.file_id)
        if together.holds(file.file_id):  # the same under another name
            note(together.finish())
        before = known.get(file.file_id)
        if _is_settled(table, file, before):
            continue
        status = before["status"] if before else None
        if status == "loaded":
            note(together.finish())
            try:
                load.sight_again(file)
                known[file.file_id]["extracted_on"] = _day(file.extracted_on)
                continue
            except RejectedFile as reject:  # it is loaded, and cannot be read any more
                file, before = file.refused(reject), None
                present.add(file.file_id)
        if status != "rejected" and file.size > 1 << 28:
            progress(f"{file.name}: {file.size / 2**20:,.0f} MiB, loading …")
        note(together.add(file, before["load_sequence"] if before else None))
    note(together.finish())
    ledger.withdraw_absent(connection, table, present)
    ledger.note_stamps(connection, table, [
        (file.file_id, *file.stamp)
        for file in files if stamp_of(known.get(file.file_id), file.name) not in (None, file.stamp)
    ])  # fmt: skip
    if journal_path:
        journal.keep(connection, table, journal_path, past)
        journal.reached(connection, table, journal_path)
    return outcomes


def brings_nothing(
    connection: duckdb.DuckDBPyConnection, tables: dict[str, Table], landing: Path
) -> bool:
    """Whether a load would leave ledger and raw tables as they are, but for sizes and times."""
    if gone_folders(connection, landing) or stray_files(landing, tables):
        return False
    for table in tables.values():
        known = ledger.known_files(connection, table)
        files = present_files(landing, table, known)
        refused = {name for name, row in known.items() if row["status"] in ("rejected", "waived")}
        if refused - {file.file_id for file in files}:
            return False
        if not all(_is_settled(table, file, known.get(file.file_id)) for file in files):
            return False
    return True


def _replay(
    load: FileLoad,
    past: list[journal.Entry],
    files: list[LandingFile],
    progress: Callable[[str], None],
) -> list[FileOutcome]:
    """
    Load files as the journal says; one that is not in the landing zone any more is to be put back.

    Rejected ones are left to be tried as any other.
    """
    by_id: dict[str, list[LandingFile]] = {}
    for file in files:
        by_id.setdefault(file.file_id, []).append(file)
    count = sum(entry["status"] == "loaded" for entry in past)
    progress(f"{load.table.label}: {count} files are loaded again as the journal says …")
    outcomes = []
    together, loaded_at, batch = Together(load), None, None
    entries = {entry["file_id"]: entry for entry in past}

    def note(loaded: list[FileOutcome]) -> None:
        for outcome in loaded:
            if outcome.status == "loaded":
                journal.restore_findings(load.connection, load.table, entries[outcome.file_id])
            else:
                progress(describe(outcome))
        outcomes.extend(loaded)

    for entry in past:
        copies = by_id.get(entry["file_id"], [])
        if entry["status"] == "loaded" and copies:
            file = next((one for one in copies if one.name == entry["file_name"]), copies[0])
            if (entry.get("loaded_at"), entry["load_batch"]) != (loaded_at, batch) or not batch:
                note(together.finish())
                loaded_at, batch = entry.get("loaded_at"), entry["load_batch"]
                load.begin(
                    datetime.fromisoformat(loaded_at) if loaded_at else datetime.now(UTC), batch
                )
            # Seen under several days, it is as young as the youngest.
            file = replace(file, extracted_on=entry.get("extracted_on"))
            note(together.add(file, entry["load_sequence"]))
        elif entry["status"] != "rejected":
            note(together.finish())
            status = "requeued" if entry["status"] == "loaded" else entry["status"]
            journal.restore(load.connection, entry, status)
    note(together.finish())
    return outcomes


def describe(outcome: FileOutcome) -> str:
    """One line about a file, as shown while loading."""
    where = outcome.file_name
    if outcome.status == "rejected":
        return f"{where}: REJECTED {outcome.reject_code}: {outcome.reject_message}"
    return (
        f"{where}: {outcome.rows_in:,} rows = {outcome.rows_loaded:,} loaded"
        f" + {outcome.rows_duplicate:,} duplicate + {outcome.rows_quarantined:,} quarantined"
    )


def _by_name(known: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The file of each name that was loaded last; a masked name may be that of several files."""
    loaded = [
        row
        for row in known.values()
        if row["status"] == "loaded" and not privacy.is_masked(row["file_name"])
    ]
    return {row["file_name"]: row for row in sorted(loaded, key=lambda row: row["load_sequence"])}


def _day(text: str | None) -> object:
    return datetime.fromisoformat(text).date() if text else None


def _is_settled(table: Table, file: LandingFile, before: dict[str, Any] | None) -> bool:
    """Whether a file stays as the ledger knows it, whatever it is called and when it came."""
    status = before["status"] if before else None
    if status == "loaded":
        return table.kind != "entity" or not _is_younger(file.extracted_on, before)
    return status in ("waived", "retracted")


def _is_younger(extracted_on: str | None, before: dict[str, object] | None) -> bool:
    if extracted_on is None or before is None:
        return False
    return before["extracted_on"] is None or extracted_on > str(before["extracted_on"])
