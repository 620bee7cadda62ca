"""
The warehouse file: opened in one way by all who write to it, set aside when it is damaged.

A damaged file (cut, overwritten, of a newer DuckDB, with a log that cannot be replayed) is renamed
to `warehouse/damaged-<n>/`, never deleted. The run that finds a new warehouse loads it again from
landing zone and journal. A file that is locked, unreadable for lack of rights, or too large for the
disk or the memory is not damaged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import duckdb

from orchestration.base import files
from orchestration.settings import Settings

_DAMAGE = re.compile(
    r"Corrupt database file|Corrupt WAL file|Failure while replaying WAL|WAL does not match"
    r"|not a valid DuckDB database file|[Ff]ailed to deserialize|read a database file with version"
)
_SHORT = re.compile(r"Could not read enough bytes from file|Could not read from file.*directory")
_NOT_DAMAGE = re.compile(
    r"Out of Memory|No space left|Permission denied|Could not set lock|Input/output error"
)
_HOLDER = re.compile(r"PID (\d+)")


class WarehouseDamaged(RuntimeError):
    """The warehouse turned out to be damaged and was set aside; the next run loads it again."""


@contextmanager
def open_warehouse(
    settings: Settings, say: Callable[[str], None] = print
) -> Iterator[duckdb.DuckDBPyConnection]:
    """
    The warehouse, read-write, in UTC, closed and checkpointed afterwards; under the home's lock.

    A file that cannot be opened because it is damaged is set aside, which `say` reports, and a new
    one begun. Raises `WarehouseDamaged` when damage shows only while reading (it is set aside
    then, too), and `BlockingIOError` when another program has it open.
    """
    connection = _connect(settings, say)
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")  # `progress` reports
        yield connection
        connection.execute("checkpoint")
    except duckdb.Error as error:
        connection.close()
        refuse_damage(settings, [str(error)])
        raise
    finally:
        connection.close()


def refuse_damage(settings: Settings, messages: Iterable[str]) -> None:
    """
    Set the warehouse aside if an error message of DuckDB, dbt or GX says that it is damaged.

    Raises `WarehouseDamaged` then.
    """
    if any(_is_damage(settings, message) for message in messages):
        folder = _set_aside(settings)
        # Its cause says no more, and stands in many lines.
        raise WarehouseDamaged(
            f"the warehouse is damaged and was set aside as {folder}; run `journey nightly`: it "
            "loads everything again from landing zone and journal"
        ) from None


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block, or nothing of it."""
    connection.execute("begin")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def _connect(settings: Settings, say: Callable[[str], None]) -> duckdb.DuckDBPyConnection:
    path = settings.warehouse
    log = path.with_name(path.name + ".wal")
    if log.exists() and not path.exists():
        say(f"the warehouse was gone; its log was set aside as {_set_aside(settings)}")
    try:
        return _open(settings)
    except duckdb.Error as error:
        text = str(error)
        if holder := _HOLDER.search(text) if "Could not set lock" in text else None:
            raise BlockingIOError(
                f"process {holder.group(1)} has {path} open; close it (a DuckDB shell, a BI tool "
                "that should read the release, or another run), then repeat"
            ) from None
        is_broken = isinstance(error, duckdb.InternalException | duckdb.SerializationException)
        if not is_broken and not _is_damage(settings, text):
            raise
    say(
        f"the warehouse was damaged: set aside as {_set_aside(settings)}; it is loaded again from "
        "landing zone and journal"
    )
    return _open(settings)


def _open(settings: Settings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        str(settings.warehouse),
        config={
            "python_enable_replacements": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": settings.memory_limit,
            "threads": settings.threads,
            "temp_directory": str(settings.tmp),
            "max_vacuum_tasks": 0,  # whether row groups are merged, a build says: see builds.py
        },
    )


def _is_damage(settings: Settings, message: str) -> bool:
    if _NOT_DAMAGE.search(message):
        return False
    # Other files, as of the landing zone, may be too short as well.
    is_short = _SHORT.search(message) and str(settings.warehouse) in message
    return bool(is_short or _DAMAGE.search(message))


def _set_aside(settings: Settings) -> str:
    """Move file and log into a folder of their own; returns its path from the home."""
    path = settings.warehouse
    folder = files.first_free(lambda number: path.parent / f"damaged-{number}")
    folder.mkdir(mode=0o700)
    for part in (path, path.with_name(path.name + ".wal")):
        if part.exists() or part.is_symlink():
            part.rename(folder / part.name)
    return str(folder.relative_to(settings.home))
