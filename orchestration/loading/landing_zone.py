"""The landing zone: which files lie there, by name, content and day."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.loading import reading
from orchestration.loading.contract import Table
from orchestration.loading.reading import RejectedFile


def landing_files(landing: Path, table: Table) -> list[Path]:
    """
    All data files of a table, sub-folders included; hidden and `_` files are no data.

    What is no file that can be read (a pipe, a dead link) is among them, to be refused by name.
    """
    return [
        path
        for path in reading.files_below(landing / table.source / table.name)
        if not path.name.startswith((".", "_")) and path.suffix != ".tmp"
    ]


def stray_files(landing: Path, tables: dict[str, Table]) -> list[Path]:
    """Data files that lie in no folder of the contract, so nothing would ever read them."""
    return [
        path
        for path in reading.files_below(landing)
        if not path.name.startswith((".", "_"))
        and "/".join(path.relative_to(landing).parts[:2]) not in tables
    ]


def gone_folders(connection: duckdb.DuckDBPyConnection, landing: Path) -> list[str]:
    """Folders `<source>/<table>` from which files are loaded and which do not exist any more."""
    known = connection.execute(
        "select distinct source || '/' || table_name from ops.files where status = 'loaded' "
        "order by all"
    ).fetchall()
    return [label for (label,) in known if not (landing / label).is_dir()]


Stamp = tuple[int | None, int | None, int | None]  # size, modified and changed in nanoseconds
_UNKNOWN: Stamp = (None, None, None)


@dataclass(frozen=True)
class LandingFile:
    """A file of the landing zone: by content, by name, and the day of its `dt=` folder."""

    path: Path
    name: str
    file_id: str
    extracted_on: str | None
    stamp: Stamp
    problem: RejectedFile | None = None  # why it cannot be read

    @property
    def size(self) -> int:
        """Bytes; 0 when unknown."""
        return self.stamp[0] or 0

    def refused(self, problem: RejectedFile) -> LandingFile:
        """The file when nobody can say what is in it: known by its name, and looked at anew."""
        file_id = hashlib.sha256(f"unreadable: {self.name}".encode()).hexdigest()
        return replace(self, file_id=file_id, stamp=_UNKNOWN, problem=problem)


def present_files(
    landing: Path, table: Table, known: dict[str, dict[str, Any]]
) -> list[LandingFile]:
    """
    The files of a table by extraction day, then content: the same whatever they are called.

    Those that the ledger knows (`known`) and that were not touched since are not read.
    """
    unchanged = {(row["file_name"], stamp_of(row)): file_id for file_id, row in known.items()}
    found = []
    folder = landing / table.source / table.name
    is_linked = folder.resolve() != landing.resolve() / table.source / table.name
    for path in landing_files(landing, table):
        relative = str(path)[len(str(landing)) + 1 :]
        name = reading.shown(relative)
        try:
            _refuse_name(path)
            if is_linked or path.is_symlink():
                _refuse_link(path, landing)
            stamp = reading.stamp(path)
            # A file that was not touched since is not read again. Nobody can set the time of the
            # last change, as one can set the other time.
            file_id = unchanged.get((name, stamp)) or reading.file_id(path)
            file = LandingFile(path, name, file_id, _extracted_on(relative), stamp)
        except Exception as error:  # whatever it is, it is this file's
            file = LandingFile(path, name, "", None, _UNKNOWN).refused(reading.reject_for(error))
        found.append(file)
    return sorted(found, key=lambda file: (str(file.extracted_on), file.file_id, file.name))


def stamp_of(row: dict[str, Any] | None, name: str | None = None) -> Stamp | None:
    """What the ledger knows of a file, if it knows it under that name."""
    if row is None or name not in (None, row.get("file_name")):
        return None
    return row["file_size"], row["modified_ns"], row["changed_ns"]


def _refuse_link(path: Path, landing: Path) -> None:
    """A link that leads out of the landing zone is not followed: it may lead to any secret."""
    if path.exists() and not path.resolve().is_relative_to(landing.resolve()):
        raise RejectedFile(
            "F_LINK", "a link leads out of the landing zone", "put the file itself there"
        )


def _refuse_name(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise RejectedFile(
            "F_UNREADABLE", "its name is no UTF-8 text", "rename the file"
        ) from error


def _extracted_on(relative: str) -> str | None:
    """The day that a `dt=` folder on the way to the file states."""
    for part in reversed(relative.split("/")[:-1]):
        if part.startswith("dt="):
            try:
                day = part.removeprefix("dt=")
                if date.fromisoformat(day).isoformat() == day:
                    return day
            except ValueError:
                pass
            raise RejectedFile(
                "F_FOLDER_DATE",
                "its dt= folder is no day",
                "call the folder dt=YYYY-MM-DD after the day of the extract",
            )
    return None
