"""
A corpus of malformed files: no crash, no row lost, and the rows that a slow, plain reader gets.

The reference below shares no code with the loader: it reads the text with Python's csv module,
line by line, and judges each cell in Python. Files are valid payments, damaged by hypothesis: bytes
cut or put in, quotes, delimiters, line ends, NUL, blanks, encodings, headers.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.loading import loader, reading, spelling, together
from orchestration.loading.reading import delimited
from tests.unit.test_loader import NOW, PEPPER, TABLES, fetch, load

COLUMNS = ("payment_id", "order_id", "paid_at", "payment_amount", "currency_code", "payment_type")
REQUIRED = COLUMNS[:5]
RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text("utf-8")


# ---- The reference -------------------------------------------------------------------------------


@dataclass
class Read:
    """What has to come of a file: a refusal, or rows and reasons by row number."""

    refused: bool = False
    rows: list[tuple[int, tuple[object, ...]]] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)


def decode(data: bytes) -> str | None:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp932"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def records(text: str, delimiter: str) -> list[list[str] | None]:
    """Records, None for a line whose quoting breaks: try one line, two lines, three lines ..."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)
    found: list[list[str] | None] = []
    start = 0
    while start < len(lines):
        for stop in range(start + 1, len(lines) + 1):
            try:
                (cells,) = csv.reader(lines[start:stop], delimiter=delimiter, strict=True)
            except ValueError:  # more than one record: cannot be, the first would have ended before
                raise AssertionError(lines[start:stop]) from None
            except csv.Error as error:
                if "unexpected end" in str(error):
                    continue  # the quote is open still
                break
            found.append(cells)
            start = stop
            break
        else:
            stop = None
        if start != stop:
            found.append(None)
            start += 1
    return found


def name_of(header: str) -> str:
    text = unicodedata.normalize("NFKC", header).strip().lstrip("\ufeff")
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[\s\-.]+", "_", text).lower()


def moment(text: str) -> datetime | None:
    """UTC of a text; without an offset it is a time in Tokyo."""
    match = re.fullmatch(
        r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})"
        r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
        r"(?: ?(Z|z|UTC|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?))?)?", text, re.ASCII,
    )  # fmt: skip
    if not match or (text[4] == "/") != (re.match(r"\d{4}.\d{1,2}(.)", text).group(1) == "/"):
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction, offset = (match.group(7) or "")[:6].ljust(6, "0"), match.group(8)
    next_day = (hour, minute, second) == (24, 0, 0)
    try:
        local = datetime(year, month, day, 0 if next_day else hour, minute, second, int(fraction))
    except ValueError:
        return None
    shift = timedelta(hours=9)
    if offset in ("Z", "z", "UTC"):
        shift = timedelta()
    elif offset:
        hours, minutes = int(offset[1:3]), int(offset[-2:]) if len(offset) > 3 else 0
        shift = timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
    return local + timedelta(days=next_day) - shift


def judge(cells: dict[str, str]) -> tuple[str | None, tuple[object, ...]]:
    """The first reason against a row, in the order of the contract, and its values."""
    values: list[object] = []
    for column in COLUMNS:
        raw = cells.get(column, "")
        text: str | None = raw.strip(" ") or None
        if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", raw):
            return "R_NUL_OR_CONTROL", ()
        if text is None and column in REQUIRED:
            return "R_KEY_NULL" if column == "payment_id" else "R_REQUIRED_NULL", ()
        value: object = text
        if text is not None and column == "paid_at":
            value = moment(unicodedata.normalize("NFKC", text).strip(" "))
            if value is None:
                return "R_CAST", ()
            assert isinstance(value, datetime)
            if value < datetime(1970, 1, 2):
                return "R_TS_BEFORE_EPOCH", ()
            if value < datetime(2001, 1, 1):
                return "R_TS_TOO_EARLY", ()
            if value > NOW.replace(tzinfo=None) + timedelta(hours=24):
                return "R_TS_FUTURE", ()
        elif text is not None and column == "payment_amount":
            plain = unicodedata.normalize("NFKC", text).strip(" ")
            if not re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{0,3}0*)?", plain):
                return "R_CAST", ()
            value = Decimal(plain).quantize(Decimal("0.001"))
            if value < 0:
                return "R_AMOUNT_SIGN", ()
            # No currency of the corpus has three decimals, and yen have none.
            if (
                value
                * (1 if cells.get("currency_code", "").strip(" ").upper() == "JPY" else 100)
                % 1
            ):
                return "R_AMOUNT_DECIMALS", ()
        elif text is not None and column == "currency_code":
            value = text.upper() if text.upper() in spelling.CURRENCIES else text
            if not re.fullmatch("[A-Z]{3}", str(value)):
                return "R_CURRENCY_UNKNOWN", ()
        elif text is not None and column == "payment_type":
            value = re.sub("[ -]+", "_", text.lower())
            if value not in ("charge", "refund", "chargeback"):
                return "R_ENUM_UNKNOWN", ()
        values.append(value)
    return None, tuple(values)


def reference(data: bytes) -> Read:
    text = decode(data)
    if not text:
        return Read(refused=True)
    candidates = []
    for delimiter in (",", ";", "\t"):
        found = records(text, delimiter)
        header = found[0] if found else None
        if header is not None:
            names = [name_of(cell) for cell in header]
            candidates.append((sum(n in COLUMNS for n in names), len(names), found, names))
    if not candidates:
        return Read(refused=True)
    _, width, found, names = max(candidates, key=lambda item: item[:2])
    if len(set(names)) < len(names) or not set(REQUIRED) <= set(names):
        return Read(refused=True)
    read = Read()
    number = 0
    for cells in found[1:]:
        if cells == []:
            continue
        number += 1
        if cells is None:
            read.reasons[number] = "R_UNTERMINATED_QUOTE"
        elif len(cells) < width:
            read.reasons[number] = "R_STRUCTURE_MISSING_COLS"
        elif any(cells[width:]):
            read.reasons[number] = "R_STRUCTURE_EXTRA_COLS"
        else:
            named = dict(zip(names, cells, strict=False))
            reason, values = judge(named)
            # What the contract does not know is part of the content.
            values += tuple(sorted(item for item in named.items() if item[0] not in COLUMNS
                                   and item[1]))  # fmt: skip
            if reason:
                read.reasons[number] = reason
            else:
                read.rows.append((number, values))
    return read


def settle(reads: list[Read], kind: str) -> tuple[dict[object, set[str]], int, int, Counter[str]]:
    """
    What may stay under each key, how many rows do, duplicates, and reasons.

    Of an entity all contents stay, its versions. Of an event the earliest stays; of equally early
    ones any may.
    """
    contents: dict[object, set[tuple[object, ...]]] = {}
    total = 0
    for read in reads:
        for _, values in read.rows:
            total += 1
            contents.setdefault(values[0], set()).add(values)
    reasons = Counter(reason for read in reads for reason in read.reasons.values())
    distinct = sum(len(found) for found in contents.values())
    kept = distinct if kind == "entity" else len(contents)
    if distinct > kept:
        reasons["R_KEY_CONFLICT"] += distinct - kept
    may_stay = {}
    for key, found in contents.items():
        earliest = min(values[2] for values in found)
        may_stay[key] = {
            str(values[:6]) for values in found if kind == "entity" or values[2] == earliest
        }
    return may_stay, kept, total - distinct, reasons


# ---- The corpus ----------------------------------------------------------------------------------

CELLS = {
    "payment_id": ["p1", "p2", "p3", "p4", " p5 ", "髙", "", 'a"b', "x\ny", "it, is", "a;b", "𠮷"],
    "order_id": ["o1", "o2", "", "\to", "ｏ３"],
    "paid_at": ["2026-01-01", "2026-01-02 10:00:00", "2026-01-02T10:00:00Z", "2026/1/3 9:05",
                "2026-02-30", "2026-01-01 10:00+09:00", "２０２６-01-01", "1969-01-01",
                "2027-01-01", "2026-01-01 24:00:00", "nothing", "2026-01-01 10:00:00.5",
                "2026-1/3"],
    "payment_amount": ["1", "1.50", "-1", "1.234", "1.230", "１２", "1,000", "+3", "", "1e3", "0"],
    "currency_code": ["JPY", "EUR", "yen", " USD", ""],
    "payment_type": ["", "charge", "refund", "gift", "chargeback "],
}  # fmt: skip
GOOD = {
    "payment_id": ["p1", "p2", "p3", "p4", "p5", "p6"], "order_id": ["o1"],
    "paid_at": ["2026-01-01", "2026-01-02 10:00:00"], "payment_amount": ["1", "1.50"],
    "currency_code": ["JPY", "EUR"], "payment_type": ["", "charge", "refund"],
}  # fmt: skip
BYTES = [b"\xff", b"\x81", b"\xe3\x81", "①".encode("cp932"), b"\xef\xbb\xbf", b"\x85", b"\xa0"]
GARBAGE = [b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"\n\n", b"\x00", b"\x1a", b" ",
           b'" ', b', "', b"'", b"\\", b"=1+1", "\u2028".encode()]  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    names = list(draw(st.permutations(COLUMNS)))
    if draw(st.integers(0, 9)) == 0:
        names = names[: draw(st.integers(0, 6))]
    if draw(st.integers(0, 9)) == 0:
        names.append(draw(st.sampled_from(["氏名", "paymentId", "PAID AT", "x", ""])))
    cells = {
        name: st.sampled_from(CELLS.get(name, ["v", ""]) + 8 * GOOD.get(name, [])) for name in names
    }
    rows = draw(st.lists(st.fixed_dictionaries(cells), max_size=7))
    end = draw(st.sampled_from(["\n", "\r\n", "\n", "\r"]))
    sign = draw(st.sampled_from([",", ",", ";", "\t"]))
    always = draw(st.booleans())

    def cell(text: str) -> str:
        if always or any(sign_ in text for sign_ in (sign, '"', "\n", "\r")):
            return '"' + text.replace('"', '""') + '"'
        return text

    lines = [sign.join(names)] + [sign.join(cell(row[name]) for name in names) for row in rows]
    text = end.join(lines) + draw(st.sampled_from([end, end, "", end * 2]))
    encoding = draw(st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "cp932", "utf-16"]))
    data = bytearray(text.encode(encoding, "replace"))
    for _ in range(draw(st.integers(0, 3))):
        # Mostly behind the header, since a broken header hides all other damage.
        start = 0 if draw(st.integers(0, 9)) == 0 else min(len(lines[0]) + 1, len(data))
        place = draw(st.integers(start, len(data)))
        match draw(st.sampled_from(["insert"] * 6 + ["cut", "swap", "end", "bytes"])):
            case "insert":
                data[place:place] = draw(st.sampled_from(GARBAGE))
            case "bytes":
                data[place:place] = draw(st.sampled_from(BYTES))
            case "cut":
                del data[place : place + draw(st.integers(1, 6))]
            case "swap":
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case "end":
                del data[place:]
    return bytes(data)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(contents=st.lists(files(), min_size=1, max_size=4, unique=True), gz=st.booleans(),
       kind=st.sampled_from(["entity", "event"]), alone=st.booleans())  # fmt: skip
def test_malformed_files(
    tmp_path_factory: pytest.TempPathFactory,
    contents: list[bytes],
    gz: bool,
    kind: str,
    alone: bool,
) -> None:
    table = replace(TABLES["crm/payments"], kind=kind)
    landing = tmp_path_factory.mktemp("fuzz")
    folder = landing / "crm" / "payments"
    folder.mkdir(parents=True)
    expected: dict[str, Read] = {}
    for number, data in enumerate(contents):
        name = f"{number}.csv" + (".gz" if gz else "")
        (folder / name).write_bytes(gzip.compress(data) if gz else data)
        expected[f"crm/payments/{name}"] = reference(data)
    connection = duckdb.connect()
    with pytest.MonkeyPatch.context() as patch:
        if alone:  # as large files go
            patch.setattr(together, "SMALL", -1)
            patch.setattr(delimited, "BLOCK", 1)
        outcomes = loader.load_table(connection, table, landing, pepper=PEPPER, loaded_at=NOW)
    for outcome in outcomes:
        read = expected[outcome.file_name]
        assert outcome.status == ("rejected" if read.refused else "loaded"), outcome
        if read.refused:
            assert f"`{outcome.reject_code}`" in RUNBOOK and outcome.reject_remedy, outcome
        else:
            assert outcome.rows_in == len(read.rows) + len(read.reasons)
    reads = list(expected.values())
    may_stay, kept, duplicates, reasons = settle(reads, kind)
    found = fetch(connection, f"select {', '.join(COLUMNS)} from raw_crm.payments")
    assert len(found) == kept and {row[0] for row in found} == set(may_stay)
    assert all(str(row) in may_stay[row[0]] for row in found)
    seen = fetch(connection, "select reason, count(*) from ops.quarantined_rows group by 1")
    assert dict(seen) == dict(reasons)
    for file_name, read in expected.items():
        rows = fetch(
            connection,
            "select row_number, reason from ops.quarantined_rows inner join ops.files using "
            f"(file_id) where file_name = '{file_name}' and reason != 'R_KEY_CONFLICT'",
        )
        assert dict(rows) == read.reasons
    totals = fetch(
        connection, "select coalesce(sum(rows_in), 0), coalesce(sum(rows_loaded), 0), "
        "coalesce(sum(rows_duplicate), 0), coalesce(sum(rows_quarantined), 0) from ops.files",
    )  # fmt: skip
    assert totals == [(kept + duplicates + sum(reasons.values()), kept, duplicates,
                       sum(reasons.values()))]  # fmt: skip
    connection.close()


@settings(max_examples=150, deadline=None, derandomize=True,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(data=files(), times=st.sampled_from([1, 2, 5]), block=st.sampled_from([1, 1, 30, 200]),
       chunk=st.sampled_from([7, 60, 500]),
       ending=st.sampled_from(["", ".gz", ".zst"]))  # fmt: skip
def test_blocks_have_the_rows_of_the_exact_reader(
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    times: int,
    block: int,
    chunk: int,
    ending: str,
) -> None:
    """Wherever a file is cut, row by row: line, values, what the contract lacks, reason."""
    table = TABLES["crm/payments"]
    header, mark, body = data.partition(b"\n")
    press = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[ending]
    path = tmp_path_factory.mktemp("blocks") / f"a.csv{ending}"
    path.write_bytes(press(header + mark + body * times))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", block)
        patch.setattr(delimited, "CHUNK", chunk)
        try:
            opened = reading.read(path, table)
        except reading.RejectedFile:
            return
        exact = [(*row.values, row.extra, row.structure_reason, row.line) for row in opened.rows()]
        blocks = [
            (*row[:-3], json.loads(row[-3] or "{}"), *row[-2:])
            for found in reading.tables_of(table, opened)
            for row in zip(*found.to_pydict().values(), strict=True)
        ]
    assert blocks == exact


@settings(max_examples=60, deadline=None, derandomize=True)
@given(name=st.sampled_from(["a.csv.gz", "a.csv.zst", "a.jsonl", "a.parquet", "a.xlsx", "a.csv"]),
       data=st.binary(max_size=200))  # fmt: skip
def test_no_bytes_crash_the_loader(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes
) -> None:
    landing = tmp_path_factory.mktemp("bytes")
    path = landing / "crm" / "payments" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    (outcome,) = load(duckdb.connect(), landing, "crm/payments")
    assert outcome.status == "rejected" and f"`{outcome.reject_code}`" in RUNBOOK
