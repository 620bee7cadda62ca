"""
Personal data planted in every place of a landing zone, each place with its own, and looked for.

A place is a column of a table, a header, a key, a file's name, or a file that is refused. Each gets
an e-mail address, a phone number, a card number and, where content is never shown, a name, all of
one number; what is found in a file that the run left tells the place by that number.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.loading.contract import Column, Table, load_contract

ROWS = 400  # good rows beside the bad ones, so that the gate lets the night pass
NAME = "金糸雀"
PREFIXES = ("canarybird", "090-8765-", "0908765", "+81908765", "45320151", NAME)
ENCODINGS = ("utf-8", "utf-16-le", "cp932")


@dataclass(frozen=True)
class Mark:
    """The personal data of one place."""

    number: int

    @property
    def email(self) -> str:
        return f"canarybird{self.number:04}@hana-mail.jp"

    @property
    def phone(self) -> str:
        return f"090-8765-{self.number:04}"

    @property
    def card(self) -> str:
        digits = f"45320151{self.number:04}000"
        doubled = [int(d) * (2 - n % 2) for n, d in enumerate(digits)]
        return digits + str(-sum(d // 10 + d % 10 for d in doubled) % 10)

    @property
    def contacts(self) -> str:
        """What can be told from other text wherever it stands."""
        return f"{self.email} {self.phone} {self.card}"

    @property
    def everything(self) -> str:
        return f"{NAME}{self.number:04} {self.contacts}"


def _pattern() -> re.Pattern[bytes]:
    texts = {prefix.encode(code) for prefix in PREFIXES for code in ENCODINGS}
    texts |= {json.dumps(NAME)[1:-1].encode(), unicodedata.normalize("NFD", NAME).encode()}
    return re.compile(b"(?:" + b"|".join(map(re.escape, sorted(texts))) + rb")((?:\d\x00?){4})")


PATTERN = _pattern()


class Planting:
    """Plants marks into a landing zone; `places` names them by number."""

    def __init__(self, landing: Path) -> None:
        self.landing, self.places = landing, list[str]()
        for table in load_contract().values():
            self._table(table)
        self._refused()

    def mark(self, place: str) -> Mark:
        self.places.append(place)
        return Mark(len(self.places) - 1)

    def _write(self, name: str, content: bytes) -> None:
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def _table(self, table: Table) -> None:
        """One file with a row for each column, a row too long, and two columns of its own."""
        header = self.mark(f"{table.label}: a header")
        unknown = self.mark(f"{table.label}: a column that is in no contract")
        rows = [[*(column.name for column in table.columns), "full_name", header.everything]]
        # One erasure request or day of costs each is enough, and none of them may be bad.
        strict = table.source == "privacy"
        for number in range(2 if strict else ROWS):
            rows.append([*self._good(table, number), unknown.everything, ""])
        for position, column in enumerate(table.columns):
            if strict and not column.pii:
                continue
            mark = self.mark(f"{table.label}: {column.name}")
            cells = self._good(table, len(rows))
            cells[position] = planted(column, mark)
            rows.append([*cells, "", ""])
        if not strict:
            mark = self.mark(f"{table.label}: a row with too many cells")
            rows.append([*self._good(table, len(rows)), "", "", mark.everything])
            mark = self.mark(f"{table.label}: a row with too few")
            rows.append([mark.everything])
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        self._write(f"{table.label}/canary.csv", text.getvalue().encode())

    def _good(self, table: Table, number: int) -> list[str]:
        cells = []
        for column in table.columns:
            plain = column if column.pii in (None, "id") else Column(column.name, column.data_type)
            cells.append("" if plain is not column and not column.required else
                         value(plain, number))  # fmt: skip
        if table.label == "web/ad_costs":
            cells[0] = f"2026-01-0{1 + number % 6}"
        return cells

    def _refused(self) -> None:
        """Files of all kinds that are refused, or of which some rows are."""
        names = ["payment_id", "order_id", "paid_at", "payment_amount", "currency_code"]
        header, good = ",".join(names), "cp{n},o1,2026-01-06,1,JPY"

        def put(name: str, place: str, make: object) -> None:
            mark = self.mark(f"files: {place}")
            content = make(mark) if callable(make) else make
            self._write(f"crm/payments/{name.format(mark=mark)}", content)

        def text(template: str, code: str = "utf-8") -> object:
            return lambda mark: template.format(m=mark).encode(code)

        def record(mark: Mark, **more: str) -> str:
            values = [f"cp{mark.number}", "o1", "2026-01-06", "1", "JPY"]
            return json.dumps({**dict(zip(names, values, strict=True)), **more})

        def book(rows: list[list[object]]) -> bytes:
            workbook, target = openpyxl.Workbook(), io.BytesIO()
            for row in rows:
                workbook.active.append(row)
            workbook.save(target)
            return target.getvalue()

        def parquet(mark: Mark, **more: str) -> bytes:
            target = io.BytesIO()
            pq.write_table(pa.Table.from_pylist([{**json.loads(record(mark)), **more}]), target)
            return target.getvalue()

        put("no-header.csv", "no header", text("{m.everything},x,2026-01-01,1,JPY\n" * 3))
        put("missing.csv", "a required column missing", text("payment_id,{m.everything}\n1,2\n"))
        put("twice.csv", "a header twice", text(f"{header},{{m.email}},{{m.email}}\n"))
        put(
            "collision.csv",
            "headers that collide",
            text(f"{header},{{m.everything}},{{m.everything}} \n"),
        )
        put("delimiter.csv", "another delimiter", text("{m.everything}|order_id|paid_at\n1|2|3\n"))
        put("quote.csv", "an open quote in the header", text(f'"{{m.everything}},{header}\n1,2\n'))
        put("quote-row.csv", "an open quote in a row", text(f'{header}\n"{{m.everything}},o\n'))
        put("encoding.csv", "no encoding", lambda m: m.everything.encode() + b"\xff\x81\xfe\xfd\n")
        put(
            "cp932.csv",
            "cp932",
            text(f"{header},memo\nc932,o1,2026-01-06,{{m.everything}},JPY,\n", "cp932"),
        )
        put("utf16.csv", "UTF-16", text(f"{header}\nc16,o1,{{m.everything}},1,JPY\n", "utf-16"))
        put("cut.csv.gz", "cut gzip", lambda m: gzip.compress(m.everything.encode() * 9)[:-9])
        put("format.txt", "no format", text("{m.everything}"))
        put("bad.jsonl", "broken JSON", text('{{"payment_id": "{m.everything}\n'))
        put("scalar.jsonl", "JSON that is no object", text('"{m.everything}"\n'))
        put("keys.jsonl", "a key", lambda m: record(m, **{m.everything: "1"}).encode())
        put(
            "deep.jsonl",
            "a nested key",
            lambda m: record(m)[:-1].encode() + f', "more": {{"{m.everything}": 1}}}}'.encode(),
        )
        put(
            "key-twice.jsonl",
            "a key twice",
            lambda m: (
                record(m)[:-1].encode() + f', "{m.everything}": 1, "{m.everything}": 2}}'.encode()
            ),
        )
        put("no.parquet", "no Parquet", text("PAR1{m.everything}PAR1"))
        put("column.parquet", "a Parquet column", lambda m: parquet(m, **{m.everything: "1"}))
        put("cell.parquet", "a Parquet value", lambda m: parquet(m, payment_amount=m.everything))
        put("no.xlsx", "no workbook", text("PK{m.everything}"))
        put(
            "header.xlsx",
            "a header in a workbook",
            lambda m: book([[m.everything, *names[1:]], names]),
        )
        put(
            "right.xlsx",
            "a cell right of the header",
            lambda m: book([names, ["cx", "o1", "2026-01-06", "1", "JPY", m.everything]]),
        )
        put(
            "error.xlsx",
            "a wrong cell in a workbook",
            lambda m: book([names, ["cy", "o1", m.everything, "1", "JPY"]]),
        )
        put(
            "{mark.email} {mark.phone}.csv",
            "the name of a file",
            text(f"{header}\n" + good.format(n="name") + "\n"),
        )
        put("{mark.email} {mark.phone}.txt", "the name of a refused file", text("x"))
        put(
            "{mark.email} {mark.phone}/a.csv",
            "the name of a folder",
            text(f"{header}\n" + good.format(n="folder") + "\n"),
        )
        put("dt={mark.email}/a.csv", "the date of a folder", text(f"{header}\n"))  # fmt: skip
        put("{mark.email}.csv", "the name of an empty file", b"")
        row = f"{header}\n" + "cd,o1,2026-01-06,{m.everything},JPY\n" * 30
        put("types.csv", "values of another type", text(row))
        put("bomb.xlsx", "a workbook that unpacks to too much", bomb)
        put("digits.parquet", "a column of an unknown type", digits)
        self._link(self.mark("files: a link that leads out"), is_dead=False)
        self._link(self.mark("files: a link to nothing"), is_dead=True)

    def _link(self, mark: Mark, is_dead: bool) -> None:
        outside = self.landing.parent.parent / f"{mark.email}.csv"
        if not is_dead:
            outside.write_text(f"payment_id,{mark.everything}\n{mark.everything},1\n", "utf-8")
        (self.landing / "crm" / "payments" / f"link-{mark.number}.csv").symlink_to(outside)


def bomb(mark: Mark) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as parts:
        parts.writestr(mark.email, mark.everything + "\0" * (101 << 20))
    return target.getvalue()


def digits(mark: Mark) -> bytes:
    target = io.BytesIO()
    column = pa.array([Decimal(1)], pa.decimal256(40, 2))
    pq.write_table(pa.table({mark.everything: column}), target)
    return target.getvalue()


def value(column: Column, number: int) -> str:
    """A good value, of nobody."""
    if column.pii == "id":
        return f"cn{number}"
    if column.accepted_values:
        return column.accepted_values[0]
    if column.currency:
        return "JPY"
    if column.name in ("erased_at", "analytics_consent_withdrawn_at"):
        return ""
    if column.data_type in ("timestamp", "date"):
        return "2026-01-06"
    if column.data_type != "varchar":
        return "5"
    return {"survey_id": "support", "question_id": "satisfaction"}.get(column.name, f"cn{number}")


def planted(column: Column, mark: Mark) -> str:
    """The mark as a value of a column: what an export may hold there, by way of a mistake."""
    if column.pii in ("email", "phone"):
        return {"email": mark.email, "phone": mark.phone}[column.pii]
    if column.pii == "properties":
        return json.dumps({"name": mark.everything, mark.everything: 1, "note": [mark.email]})
    if column.pii == "url":
        return f"https://shop.jp/{mark.email}?name={mark.everything}&tel={mark.phone}"
    if column.pii == "free_text" or column.data_type != "varchar" or column.accepted_values:
        return mark.everything
    return mark.contacts


def found(data: bytes) -> set[int]:
    """Numbers of the marks in some bytes."""
    return {int(digits.replace(b"\0", b"")) for digits in PATTERN.findall(data)}


def search(folders: list[Path], landing: Path) -> dict[int, list[str]]:
    """Where marks are: in files as they are, and in tables, which may be packed."""
    holders: dict[int, list[str]] = {}
    for name, data in _contents(folders, landing):
        for number in found(data) | found(name.encode()):
            holders.setdefault(number, []).append(name)
    return holders


def _contents(folders: list[Path], landing: Path) -> Iterator[tuple[str, bytes]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if landing in path.parents or path.is_symlink() or not path.is_file():
                continue
            shown = str(path.relative_to(folder))
            yield shown, path.read_bytes()
            if path.suffix == ".duckdb":
                with duckdb.connect(str(path), read_only=True) as connection:
                    for schema, table in connection.execute(
                        "select schema_name, table_name from duckdb_tables() union all "
                        "select schema_name, view_name from duckdb_views() where not internal"
                    ).fetchall():
                        rows = connection.execute(f'from "{schema}"."{table}"').fetchall()
                        yield f"{shown}: {schema}.{table}", str(rows).encode()
            elif path.suffix == ".parquet":
                rows = duckdb.read_parquet(str(path)).fetchall()
                yield f"{shown}: rows", str(rows).encode()
