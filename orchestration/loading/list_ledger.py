"""
Who was on which exported list when: `<home>/activation/ledger.jsonl`, one line per entry.

`journey activate` appends to it, and each run takes it into the warehouse, as `ops.list_entries`,
so that frequency caps, budgets and hold-outs hold the next night. An entry names a person by one of
their identifiers, since a merge may give them another person_id. Entries of people who were erased
are taken out of the file, and the exports, which hold them too, are removed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from orchestration.base import files
from orchestration.loading import ledger, privacy
from orchestration.settings import Settings, SettingsError


@dataclass(frozen=True)
class Entry:
    """One person on one list for one business day; `listed_at` is its beginning (UTC)."""

    list_name: str
    listed_date: str
    listed_at: str
    action: str | None
    is_hold_out: bool
    identifier_type: str
    identifier_value: str
    release_id: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """A person stands once on a list of a day, whichever release it was exported from."""
        return self.list_name, self.listed_date, self.identifier_type, self.identifier_value


def folder(settings: Settings) -> Path:
    """The private folder of exports and ledger; it is made where it is missing."""
    path = settings.home / "activation"
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
    return path


def read(settings: Settings) -> list[Entry]:
    """
    All entries; a last line without an end is none.

    Raises `SettingsError` with file, line and remedy for what is no entry.
    """
    path = settings.home / "activation" / "ledger.jsonl"
    if not path.exists():
        return []
    entries = []
    for number, line in enumerate(path.read_text("utf-8").split("\n")[:-1], 1):
        try:
            entries.append(Entry(**json.loads(line)))
        except (ValueError, TypeError):
            raise SettingsError(
                f"{path}, line {number}: it is no entry of the ledger of lists; repair the line or "
                "remove it"
            ) from None
    return entries


def append(settings: Settings, entries: Iterable[Entry]) -> int:
    """Add the entries that are not there yet; returns how many. Under the home's lock."""
    known = read(settings)
    keys = {entry.key for entry in known}
    new = list({entry.key: entry for entry in entries if entry.key not in keys}.values())
    if new:
        _write(settings, [*known, *new])
    return len(new)


def _write(settings: Settings, entries: list[Entry]) -> None:
    path = folder(settings) / "ledger.jsonl"
    path.with_suffix(".tmp").touch(mode=0o600)
    lines = (json.dumps(asdict(one), ensure_ascii=False, sort_keys=True) for one in entries)
    files.write_whole(path, "".join(f"{line}\n" for line in lines))
    files.sync_directory(path.parent)


def take_in(settings: Settings, connection: duckdb.DuckDBPyConnection) -> int:
    """
    Make `ops.list_entries` what the ledger says, without people who were erased.

    Returns how many entries of such people were taken out of the file.
    """
    entries = read(settings)
    gone = erased(
        settings, connection, {(one.identifier_type, one.identifier_value) for one in entries}
    )
    kept = [one for one in entries if (one.identifier_type, one.identifier_value) not in gone]
    if len(kept) < len(entries):
        shutil.rmtree(folder(settings) / "exports", ignore_errors=True)
        _write(settings, kept)
    connection.execute("delete from ops.list_entries")
    if kept:
        rows = [
            [one.list_name, one.listed_date, one.listed_at, one.action, one.is_hold_out,
             one.identifier_type, one.identifier_value]
            for one in kept
        ]  # fmt: skip
        connection.executemany("insert into ops.list_entries values (?, ?, ?, ?, ?, ?, ?)", rows)
    return len(entries) - len(kept)


def erased(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    identifiers: set[tuple[str, str]],
) -> set[tuple[str, str]]:
    """Which of some identifiers (type, value) belong to people who were erased."""
    if (
        not identifiers
        or not settings.effective_pepper
        or not ledger.count(connection, "ops.erased_identifiers")
    ):
        return set()
    privacy.prepare(connection, settings.effective_pepper, settings.pepper_key_id)
    connection.execute(
        "create or replace temp table asked (identifier_type varchar, identifier_value varchar)"
    )
    try:
        connection.executemany("insert into asked values (?, ?)", sorted(map(list, identifiers)))
        return set(
            connection.execute(
                f"""
                select distinct asked.identifier_type, asked.identifier_value
                from temp.asked as asked
                inner join ops.erased_identifiers as erased
                    on erased.identifier_type = asked.identifier_type
                    and erased.identifier_hash = case
                        when asked.identifier_type in ('email', 'phone')
                            then asked.identifier_value
                        else {privacy.hmac_expression("asked.identifier_value")}
                    end
                """
            ).fetchall()
        )
    finally:
        connection.execute("drop table temp.asked")
