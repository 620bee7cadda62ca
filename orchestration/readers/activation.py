"""
Lists of people for campaigns, from the published release into a private folder of the home.

`<home>/activation/exports/<day>/` holds each list as Parquet and as CSV. Who is on them goes into
the ledger of lists (`loading/list_ledger.py`). Nobody is on a list without the consent that it
needs, nor when they were erased since the release, nor while they are held out for comparison; of
those the ledger alone tells.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.base import command, files
from orchestration.base.database import open_warehouse
from orchestration.base.locking import single_writer
from orchestration.base.release import DATABASE
from orchestration.base.rendering import as_text
from orchestration.loading import ledger, list_ledger
from orchestration.loading.list_ledger import Entry
from orchestration.rules import home as home_rules
from orchestration.rules.tables import Row
from orchestration.settings import Settings, SettingsError, load_settings

NEXT_ACTION = "next_action"
ENCODINGS = ("utf-8", "cp932")
REPLACEMENT = "?"
_ANCHORS = ("contact", "user", "visitor", "email", "phone")  # by which the ledger names a person


@dataclass(frozen=True)
class Loss:
    """A character that an encoding lacks: data row and column of the CSV file, from 1."""

    row: int
    column: str
    character: str


@dataclass(frozen=True)
class List:
    """A list that is to be written: its people, and those who are held out of it."""

    name: str
    rows: pa.Table
    entries: tuple[Entry, ...]


def run(names: tuple[str, ...], encoding: str, with_bom: bool) -> None:
    """Write the lists of the current release, and say what was written and what was lost."""
    folder, written, added = activate(load_settings(), names, encoding, with_bom)
    for one, losses in written:
        held = sum(entry.is_hold_out for entry in one.entries)
        print(
            f"{one.name:<24}{one.rows.num_rows:>8,} persons" + f", {held:,} held out" * bool(held)
        )
        for loss in losses[:20]:
            print(
                f"  row {loss.row}, column {loss.column}: {encoding} has no "
                f"U+{ord(loss.character):04X}; {REPLACEMENT} was written"
            )
        if len(losses) > 20:
            print(f"  … and {len(losses) - 20:,} more")
    print(f"{added:,} new entries of the ledger; files in {folder}")


def activate(
    settings: Settings, names: tuple[str, ...], encoding: str, with_bom: bool
) -> tuple[Path, list[tuple[List, list[Loss]]], int]:
    """Write lists and ledger; returns the folder, the lists with what was lost, and new entries."""
    database = settings.published / "current" / DATABASE
    if not database.exists():
        raise command.Failed(f"nothing is published yet in {settings.home}; run `journey nightly`")
    rules = home_rules.load(settings.home).rows("activation_lists")
    known = [NEXT_ACTION, *(str(row["list_name"]) for row in rules)]
    for name in names:
        if name not in known:
            raise SettingsError(f"there is no list {name[:60]!r}; there are: {', '.join(known)}")
    with single_writer(settings.home):
        with duckdb.connect(str(database), read_only=True) as release:
            _prepare(settings, release)
            day = release.execute("select max(action_date) from marts.fct_next_actions").fetchall()
            if day[0][0] is None:
                raise command.Failed("the release holds no persons, so there are no lists")
            lists = [
                _list(release, name, rule)
                for name, rule in zip(known, (None, *rules), strict=True)
                if not names or name in names
            ]
        target = list_ledger.folder(settings) / "exports" / str(day[0][0])
        # First the ledger: of whom it knows a list may be missing, not the other way round.
        added = list_ledger.append(settings, (e for one in lists for e in one.entries))
        written = [(one, _write(one, target, encoding, with_bom)) for one in lists]
    return target, written, added


def _prepare(settings: Settings, release: duckdb.DuckDBPyConnection) -> None:
    """
    Temporary tables of the persons who may be on lists, `people`, with their identifiers.

    People who were erased since the release was built are left out.
    """
    found = set(
        release.execute(
            "select distinct identifier_type, identifier_value from marts.dim_person_identifiers"
        ).fetchall()
    )
    gone: set[tuple[str, str]] = set()
    if settings.warehouse.exists():
        with open_warehouse(settings) as warehouse:
            ledger.create(warehouse, [])
            gone = list_ledger.erased(settings, warehouse, found)
    release.execute("create temp table gone (identifier_type varchar, identifier_value varchar)")
    if gone:
        release.executemany("insert into gone values (?, ?)", sorted(map(list, gone)))
    joined = ", ".join(
        f"string_agg(identifier_value, ' | ' order by identifier_value) "
        f"filter (where identifier_type = '{kind}') as {name}"
        for kind, name in (
            ("contact", "contact_ids"), ("user", "user_ids"),
            ("email", "email_hashes"), ("phone", "phone_hashes"),
        )
    )  # fmt: skip
    order = " ".join(f"when '{kind}' then {place}" for place, kind in enumerate(_ANCHORS))
    release.execute(
        f"""
        create temp table people as
        select
            person_id, {joined},
            arg_min(identifier_type, (case identifier_type {order} end, identifier_value))
                as anchor_type,
            arg_min(identifier_value, (case identifier_type {order} end, identifier_value))
                as anchor_value
        from marts.dim_person_identifiers
        group by person_id
        having person_id not in (
            select person_id from marts.dim_person_identifiers
            inner join temp.gone using (identifier_type, identifier_value)
        )
        """
    )


_IDENTIFIERS = "people.contact_ids, people.user_ids, people.email_hashes, people.phone_hashes"


def _list(release: duckdb.DuckDBPyConnection, name: str, rule: Row | None) -> List:
    """One list: next actions without a rule, else the persons of a segment or stage."""
    if rule is None:
        source = (
            "marts.fct_next_actions as listed "
            "inner join temp.people using (person_id) "
            "left join marts.dim_labels as labels "
            "on labels.code_type = 'next_action' and labels.code = listed.next_action "
            "where listed.next_action is not null"
        )
        columns = (
            "listed.next_action, labels.name_ja as action_ja, labels.name_en as action_en, "
            "listed.channel, listed.best_daypart, listed.reason_ja, listed.reason_en"
        )
        action, is_hold_out = "listed.next_action", "listed.is_hold_out"
    else:
        consent = {
            "marketing": " and persons.has_marketing_consent",
            "analytics": " and persons.has_analytics_consent",
        }.get(str(rule["needed_consent"]), "")
        source = (
            "marts.dim_customers_360 as persons "
            "inner join temp.people using (person_id) "
            "inner join marts.fct_next_actions as listed using (person_id) "
            f"where {_is_in(rule)}{consent}"
        )
        columns = (
            "persons.persona, persons.current_stage, persons.lifecycle, persons.rfm_segment, "
            "persons.value_tier, persons.own_segments, persons.days_since_purchase"
        )
        action, is_hold_out = "null::varchar", "listed.is_hold_out"
    rows = release.execute(
        f"select person_id, {_IDENTIFIERS}, {columns} from {source} and not {is_hold_out} "
        "order by person_id"
    ).to_arrow_table()
    entries = release.execute(
        f"select listed.action_date::varchar, (select max(as_of_at)::varchar from "
        f"marts.release_info), {action}, {is_hold_out}, people.anchor_type, people.anchor_value, "
        f"(select max(release_id) from marts.release_info) from {source} order by person_id"
    ).fetchall()
    return List(name, rows, tuple(Entry(name, *entry) for entry in entries))


def _is_in(rule: Row) -> str:
    """SQL of whether a person is in the segment of a list, or in the stage."""
    segment = str(rule["segment"]).replace("'", "''")
    if rule["segmentation"] == "stage":
        return f"persons.current_stage = '{segment}'"
    return (
        "persons.person_id in (select person_id from marts.fct_person_segments "
        f"where segmentation = '{str(rule['segmentation']).replace(chr(39), chr(39) * 2)}' "
        f"and segment = '{segment}')"
    )


def _write(one: List, folder: Path, encoding: str, with_bom: bool) -> list[Loss]:
    """Write a list as Parquet and CSV, each whole or not at all; returns what was lost."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (folder, folder.parent):
        path.chmod(0o700)
    data, losses = csv_bytes(one.rows, encoding, with_bom)
    sheet = io.BytesIO()
    pq.write_table(one.rows, sheet)
    for name, content in ((f"{one.name}.csv", data), (f"{one.name}.parquet", sheet.getvalue())):
        temporary = folder / f".{name}.tmp"
        with open(temporary, "wb", opener=_private) as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(folder / name)
    files.sync_directory(folder)
    return losses


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def csv_bytes(rows: pa.Table, encoding: str, with_bom: bool) -> tuple[bytes, list[Loss]]:
    """
    A table as CSV that a spreadsheet takes for text: no cell of it is read as a formula.

    A text that begins like one gets an apostrophe before it. What the encoding cannot write becomes
    a question mark, and is told; no row is left out.
    """
    losses: list[Loss] = []

    def cell(value: Any, row: int, column: str) -> str:
        text = as_text(value) if isinstance(value, str) else "" if value is None else str(value)
        return "".join(_written(text, row, column, encoding, losses))

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(rows.column_names)
    for number, record in enumerate(rows.to_pylist(), 1):
        writer.writerow([cell(value, number, name) for name, value in record.items()])
    mark = "\ufeff" if with_bom and encoding == "utf-8" else ""
    return (mark + stream.getvalue()).encode(encoding), losses


def _written(text: str, row: int, column: str, encoding: str, losses: list[Loss]) -> Iterator[str]:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for character in text:
            if character.encode(encoding, "ignore"):
                yield character
            else:
                losses.append(Loss(row, column, character))
                yield REPLACEMENT
    else:
        yield text
