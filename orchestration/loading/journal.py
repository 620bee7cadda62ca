"""
The journal of loads: what became of every file, in `<home>/journal.jsonl` beside the landing zone.

While the warehouse lives, its ledger is the truth, and the journal follows it: one line for each
change of a file (loaded, rejected, waived, retracted, requeued, withdrawn), appended after the
commit and never rewritten. The last line about a file counts. A warehouse that is new, or older
than the journal, is loaded from the landing zone as the journal says: in the same order, with the
same numbers, limits, waivers and findings, and without what was retracted.

Killed between commit and line, the next run appends what is missing. Only if the warehouse is lost
in just that moment, its last files are loaded as new ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration.base import files
from orchestration.base.database import transaction
from orchestration.loading import ledger
from orchestration.loading.contract import Table

Entry = dict[str, Any]

# What follows from the content of a file, from the landing zone, or from the run.
_LEFT_OUT = {"rows_in", "rows_loaded", "rows_duplicate", "rows_quarantined", "rows_erased",
             "rows_expired", "data_through_at", "file_size", "modified_ns", "changed_ns",
             "is_erasure_checked", "is_built", "journaled"}  # fmt: skip
# What also follows from the content when it is loaded.
_OF_UNLOADED = {"columns", "new_columns", "missing_columns", "renamed_columns"}
# A rejected file is tried in every run; that is no news.
_OF_ACCEPTED = ("load_batch", "loaded_at")
_MINE = "source = ? and table_name = ?"
_WRITTEN = ["*", "*"]  # of all tables: the end of the journal after the last line was written


class JournalDamaged(ValueError):
    """A line of the journal cannot be read; the message names it and the remedy."""


def keep(
    connection: duckdb.DuckDBPyConnection, table: Table, path: Path, replayed: Sequence[Entry] = ()
) -> None:
    """
    Append what the ledger says of a table's files and the journal does not; synced to disk.

    What was replayed from the journal stands in it, as long as it is still so.
    """
    _rewrite_if_cut(connection, path)
    # The order of the rows is the order of the loads.
    changed = f"{_MINE} and journaled is distinct from {_state(connection)}"
    entries = _held(connection, table, changed)
    if not entries:
        return
    known = {entry["file_id"]: entry for entry in replayed}
    news = [entry for file_id, entry in entries.items() if known.get(file_id) != entry]
    _append(path, "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in news))
    with transaction(connection):
        connection.execute(
            f"update ops.files set journaled = {_state(connection)} where {changed}", _who(table)
        )
        _set_position(connection, _WRITTEN, path)


def reached(connection: duckdb.DuckDBPyConnection, table: Table, path: Path) -> None:
    """Remember that the ledger of a table holds all that the journal says up to its end."""
    with transaction(connection):
        _set_position(connection, _who(table), path)


def to_replay(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    path: Path,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Entry]:
    """
    The files of a table to be loaded as the journal says, in order; mostly none.

    There are some when the warehouse is new, was set back to an earlier state, or lost its last
    commits. What the table holds is then removed. Raises `JournalDamaged`.
    """
    if _cut_torn_line(path):
        progress(f"{path.name}: its last line, cut off while it was written, was removed")
    _rewrite_if_cut(connection, path)
    row = connection.execute(
        f"select position from ops.journal_positions where {_MINE}", _who(table)
    ).fetchone()
    position = row[0] if row else 0
    if _size(path) == position:
        return []
    held = _held(connection, table, _MINE)
    # What changed since its line was written is later than any line.
    later = _held(connection, table, f"{_MINE} and journaled is distinct from {_state(connection)}")
    if not any(
        held.get(entry["file_id"]) != entry and entry["file_id"] not in later
        for entry in _read(path, position, table)
    ):
        return []
    with transaction(connection):
        connection.execute(f"delete from {table.relation}")
        for name in ("quarantined_rows", "drift_findings", "column_profiles", "files"):
            connection.execute(f"delete from ops.{name} where {_MINE}", _who(table))
        ledger.forget_build(connection)
    return _read(path, 0, table)


def restore(connection: duckdb.DuckDBPyConnection, entry: Entry, status: str) -> None:
    """Write the ledger row of a file that is not loaded, as the journal says."""
    values = {k: v for k, v in entry.items() if k != "findings"} | {"status": status}
    known = {row[0] for row in connection.execute("describe ops.files").fetchall()}
    values = {name: value for name, value in values.items() if name in known}
    connection.execute(
        f"insert into ops.files ({', '.join(values)}) values ({', '.join('?' * len(values))})",
        list(values.values()),
    )


def restore_findings(connection: duckdb.DuckDBPyConnection, table: Table, entry: Entry) -> None:
    """Give a loaded file the findings and the waiver that it had: they rest on what came before."""
    who = [entry["file_id"], *_who(table)]
    with transaction(connection):
        connection.execute(f"delete from ops.drift_findings where file_id = ? and {_MINE}", who)
        for kind, column, severity, detail in entry.get("findings", []):
            connection.execute(
                "insert into ops.drift_findings (file_id, source, table_name, kind, column_name, "
                "severity, detail) values (?, ?, ?, ?, ?, ?, ?)",
                [*who, kind, column, severity, detail],
            )
        connection.execute(
            f"update ops.files set waive_reason = ? where file_id = ? and {_MINE}",
            [entry.get("waive_reason"), *who],
        )


def file_names(path: Path) -> set[str]:
    """Names of the files that were loaded and not retracted. Raises `JournalDamaged`."""
    return {e["file_name"] for e in _read(path, 0) if e["status"] == "loaded"}


def _rewrite_if_cut(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """The journal was removed, or lost its end: all tables write what they hold again."""
    row = connection.execute("select max(position) from ops.journal_positions").fetchone()
    if row and row[0] and _size(path) < row[0]:
        with transaction(connection):
            connection.execute("update ops.files set journaled = null")
            connection.execute("delete from ops.journal_positions")


def _set_position(connection: duckdb.DuckDBPyConnection, who: list[str], path: Path) -> None:
    connection.execute(f"delete from ops.journal_positions where {_MINE}", who)
    connection.execute(
        "insert into ops.journal_positions (source, table_name, position) values (?, ?, ?)",
        [*who, _size(path)],
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _who(table: Table) -> list[str]:
    return [table.source, table.name]


def _state(connection: duckdb.DuckDBPyConnection) -> str:
    """SQL: a hash of the columns of a ledger row that the journal holds."""
    parts = [
        f"case when status != 'rejected' then {name} end" if name in _OF_ACCEPTED else f'"{name}"'
        for name in _columns(connection)
    ]
    return f"hash({', '.join(parts)})"


def _columns(connection: duckdb.DuckDBPyConnection) -> list[str]:
    names = [row[0] for row in connection.execute("describe ops.files").fetchall()]
    return [name for name in names if name not in _LEFT_OUT]


def _held(connection: duckdb.DuckDBPyConnection, table: Table, condition: str) -> dict[str, Entry]:
    """What the ledger says of files, as the journal would, by file id in the order of the loads."""
    names = _columns(connection)
    columns = ", ".join(f'"{name}"' for name in names)
    rows = connection.execute(
        f"select {columns} from ops.files where {condition} order by rowid", _who(table)
    ).fetchall()
    findings: dict[str, list[list[str]]] = {}
    for file_id, *finding in connection.execute(
        "select file_id, kind, column_name, severity, detail from ops.drift_findings "
        f"where {_MINE} and file_id in (select file_id from ops.files where {condition}) "
        "order by rowid",
        [*_who(table), *_who(table)],
    ).fetchall():
        findings.setdefault(file_id, []).append(finding)
    held = {}
    for row in rows:
        entry = dict(zip(names, row, strict=True))
        entry["findings"] = findings.get(entry["file_id"])
        if entry["status"] == "rejected":
            entry |= dict.fromkeys(_OF_ACCEPTED)
        if entry["status"] == "loaded":
            entry |= dict.fromkeys(_OF_UNLOADED)
        held[entry["file_id"]] = {
            name: value if isinstance(value, int | list) else str(value)
            for name, value in entry.items()
            if value is not None
        }
    return held


def _read(path: Path, position: int, table: Table | None = None) -> list[Entry]:
    """
    The last line about each file from a position on, in the order of the loads.

    A later line about the same load, as a waiver is, does not change the order.
    """
    if not path.exists():
        return []
    found: dict[tuple[str, str, str], Entry] = {}
    with path.open("rb") as stream:
        # Amid a line: somebody edited the journal.
        stream.seek(max(position - 1, 0))
        if position and stream.read(1) != b"\n":
            stream.seek(0)
        for line in stream:
            try:
                entry = json.loads(line)
                key = entry["source"], entry["table_name"], entry["file_id"]
                name, status = entry["file_name"], entry["status"]
                if not all(isinstance(text, str) for text in (*key, name, status)):
                    raise TypeError
            except (ValueError, KeyError, TypeError) as error:
                number = path.read_bytes()[: stream.tell()].count(b"\n")
                raise JournalDamaged(
                    f"{path}: line {number} is damaged. Remedy: bring the file back from a backup; "
                    "or delete that line, and its file is loaded as a new one"
                ) from error
            if table and key[:2] != (table.source, table.name):
                continue
            before = found.get(key)
            if before and before.get("load_batch") != entry.get("load_batch"):
                del found[key]
            found[key] = entry
    return list(found.values())


def _cut_torn_line(path: Path) -> bool:
    """Remove the last line if the process died, or the disk was full, while it was written."""
    if not path.exists():
        return False
    with path.open("r+b") as stream:
        end = size = stream.seek(0, os.SEEK_END)
        while end:
            start = max(end - 65536, 0)
            stream.seek(start)
            newline = stream.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end != size:
            stream.truncate(end)
        return end != size


def _append(path: Path, text: str) -> None:
    """Whole lines, on disk when this returns; the file is its owner's only."""
    if not text:
        return
    _cut_torn_line(path)
    is_new = not path.exists()
    with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb") as stream:
        stream.write(text.encode())
        stream.flush()
        os.fsync(stream.fileno())
    if is_new:
        files.sync_directory(path.parent)
