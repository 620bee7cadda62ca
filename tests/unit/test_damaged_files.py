"""
Damaged and odd files of every format, loaded in one run: each ends as its code or its counts.

All cases lie in one landing zone, so a case that stopped the run, or changed a neighbour, would
fail them all. A case is what the file is called, how it is made, and what has to come of it: the
code of its refusal, or how many rows are loaded and why others are quarantined.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import socket
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.gate import audits
from orchestration.loading import file_load, landing_zone, ledger, reading, together
from orchestration.loading.ledger import FileOutcome
from orchestration.loading.reading import delimited
from tests.unit.test_loader import PAYMENTS, TABLES, fetch, load, place

HEADER = PAYMENTS.strip().split(",")
SHEET = "xl/worksheets/sheet1.xml"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # how old .xls files and encrypted workbooks begin


def row(key: str, **changed: Any) -> list[Any]:
    good = dict(
        zip(HEADER, [key, "o", "2026-01-01 10:00:00", "1.50", "EUR", "charge"], strict=True)
    )
    return list({**good, **changed}.values())


# ---- How files are made --------------------------------------------------------------------------


def workbook(rows: Iterable[list[Any]], change: Callable[[Any], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    for cells in rows:
        book.active.append(cells)
    if change:
        change(book)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def repacked(book: bytes, change: dict[str, Callable[[bytes], bytes | None]], **how: Any) -> bytes:
    """A workbook with some of its parts changed, or left out."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(book)) as old,
        zipfile.ZipFile(target, "w", **{"compression": zipfile.ZIP_DEFLATED, **how}) as new,
    ):
        for name in old.namelist():
            part = change.get(name, lambda same: same)(old.read(name))
            if part is not None:
                new.writestr(name, part)
    return target.getvalue()


def edited(book: bytes, pattern: str, text: str) -> bytes:
    """A workbook whose sheet's XML is changed."""

    def change(part: bytes) -> bytes:
        changed = re.sub(pattern, text, part.decode(), count=1, flags=re.S)
        assert changed.encode() != part, part
        return changed.encode()

    return repacked(book, {SHEET: change})


def parquet(columns: dict[str, pa.Array | list[Any]], names: list[str] | None = None,
            **options: Any) -> bytes:  # fmt: skip
    target = io.BytesIO()
    arrays = [pa.array(v) if isinstance(v, list) else v for v in columns.values()]
    table = pa.Table.from_arrays(arrays, names=names or list(columns))
    pq.write_table(table, target, **options)
    return target.getvalue()


def columns(key: str, **changed: Any) -> dict[str, Any]:
    """One payment, as columns."""
    return {**{name: [value] for name, value in zip(HEADER, row(key), strict=True)}, **changed}


def lines(*records: Any) -> bytes:
    texts = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
    return ("\n".join(texts) + "\n").encode()


def payment(key: str, **changed: Any) -> dict[str, Any]:
    return dict(zip(HEADER, row(key), strict=True)) | changed


def text(*rows: list[Any]) -> bytes:
    return "".join(",".join(map(str, cells)) + "\n" for cells in (HEADER, *rows)).encode()


def damaged_in_the_middle() -> bytes:
    keys = [f"k{n}" for n in range(40_000)]
    data = bytearray(parquet({**{name: [value] * len(keys) for name, value in columns("").items()},
                              **{name: [str(v[0])] * len(keys) for name, v in columns("").items()},
                              "payment_id": keys}, row_group_size=10_000))  # fmt: skip
    group = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(2).column(0)
    start = group.dictionary_page_offset or group.data_page_offset
    data[start : start + 200] = bytes(200)
    return bytes(data)


def flipped(book: bytes) -> bytes:
    """A workbook of stored (not deflated) parts, of which one byte of the sheet is another."""
    stored = bytearray(repacked(book, {}, compression=zipfile.ZIP_STORED))
    position = stored.index(b"<sheetData>") + len(b"<sheetData><row r=")
    stored[position] ^= 1
    return bytes(stored)


def chart_only(book: Any) -> None:
    book.create_chartsheet()
    book.remove(book.active)


def second_sheet(book: Any) -> None:
    book.create_sheet("hidden", 0).append(["nothing"])
    book.worksheets[0].sheet_state = "hidden"
    book.active = 1


def formatted(cell: str, number_format: str) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        book.active[cell].number_format = number_format

    return change


# ---- The cases -----------------------------------------------------------------------------------


@dataclass
class Case:
    """A file: its name, its bytes, and the code of its refusal or what becomes of its rows."""

    name: str
    content: bytes
    code: str | None = None
    loaded: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


def cases() -> list[Case]:
    book = workbook([HEADER, row("x1"), row("x2")])
    two = {"loaded": 2}
    return [
        # ---- Excel ----
        Case("no-zip.xlsx", b"PK\x03\x04 no zip", "F_TRUNCATED"),
        Case("cut.xlsx", book[: len(book) // 2], "F_TRUNCATED"),
        Case("no-workbook.xlsx", repacked(book, {"xl/workbook.xml": lambda p: None}),
             "F_TRUNCATED"),
        Case("no-sheet.xlsx", repacked(book, {SHEET: lambda p: None}), "F_TRUNCATED"),
        Case("cut-sheet.xlsx", repacked(book, {SHEET: lambda p: p[:-150]}), "F_TRUNCATED"),
        Case("no-texts.xlsx", edited(book, 't="inlineStr"><is><t>charge</t></is>',
             't="s"><v>7</v>'), "F_TRUNCATED"),
        Case("crc.xlsx", flipped(book), "F_TRUNCATED"),
        Case("chart.xlsx", workbook([], chart_only), "F_TRUNCATED"),
        Case("empty-sheet.xlsx", workbook([]), "F_EMPTY"),
        Case("old-or-encrypted.xlsx", OLE + bytes(600), "F_FORMAT"),
        Case("entities.xlsx", repacked(book, {SHEET: lambda p: b"<!DOCTYPE x [<!ENTITY a 'aaaaaaa'>"
             + b"".join(b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
             + b"]>" + p.replace(b"<t>charge</t>", b"<t>&j;</t>")}), "F_TRUNCATED"),
        Case("bomb.xlsx", repacked(book, {"xl/styles.xml": lambda p: bytes(150 << 20)}),
             "F_TOO_LARGE"),
        Case("row-far-away.xlsx", edited(book, '<row r="3"', '<row r="99999999999"'),
             "F_TRUNCATED"),
        Case("column-far-away.xlsx", edited(book, 'r="A2"', 'r="ZZZZZ2"'), "F_TRUNCATED"),
        Case("huge-dimension.xlsx", edited(workbook([HEADER, row("a1"), row("a2")]),
             'ref="A1:F3"', 'ref="A1:XFD1048576"'), **two),
        Case("small-dimension.xlsx", edited(workbook([HEADER, row("b1"), row("b2")]),
             'ref="A1:F3"', 'ref="A1:B2"'), **two),
        Case("error-cells.xlsx", workbook([HEADER, row("c1"), row("c2", order_id="#N/A"),
             row("c3", payment_type="#DIV/0!")]), loaded=1, reasons={"R_CELL_ERROR": 2}),
        Case("formula-not-computed.xlsx", workbook([HEADER, row("d1"),
             row("d2", payment_type='="char"&"ge"')]), loaded=1, reasons={"R_CELL_ERROR": 1}),
        Case("formula-computed.xlsx", edited(workbook([HEADER, row("d3", payment_type="=A1")]),
             "<v ?/>|<v></v>", "<v>0</v>"), reasons={"R_ENUM_UNKNOWN": 1}),
        Case("impossible-date.xlsx", workbook([HEADER, row("e1", paid_at=9e9)],
             formatted("C2", "yyyy-mm-dd")), reasons={"R_CELL_ERROR": 1}),
        Case("right-of-header.xlsx", workbook([HEADER, row("f1"), [*row("f2"), None, "x"]]),
             loaded=1, reasons={"R_STRUCTURE_EXTRA_COLS": 1}),
        Case("spacer-column.xlsx", workbook([[*HEADER[:2], None, *HEADER[2:], "", "more"],
             [*row("g1")[:2], None, *row("g1")[2:], None, "m"],
             [*row("g2")[:2], "?", *row("g2")[2:]]]),
             loaded=1, reasons={"R_STRUCTURE_EXTRA_COLS": 1}),
        Case("header-twice.xlsx", workbook([[*HEADER, "more", "more"], row("h1")]),
             "F_HEADER_DUPLICATE"),
        Case("header-collides.xlsx", workbook([[*HEADER, "Order ID"], row("h1")]),
             "F_HEADER_COLLISION"),
        Case("blank-rows.xlsx", workbook([[], [None] * 3, HEADER, [], row("i1"), [], row("i2")]),
             **two),
        Case("hidden-sheet.xlsx", workbook([HEADER, row("j1"), row("j2")], second_sheet), **two),
        Case("typed-cells.xlsx", edited(workbook([HEADER,
             row(1e15, paid_at=datetime(2026, 1, 1, 10)),
             row("k2", paid_at=date(2026, 1, 2), payment_amount=2),
             row("k3", payment_amount=0.3), row("k4", payment_amount=1e16)]),
             "<v>0.3</v>", "<v>0.30000000000000004</v>"),
             loaded=2, reasons={"R_CAST": 2}),
        # ---- Parquet ----
        Case("no.parquet", b"PAR1" + bytes(40), "F_TRUNCATED"),
        Case("cut.parquet", parquet(columns("l1"))[:-20], "F_TRUNCATED"),
        Case("encrypted.parquet", b"PARE" + bytes(40) + b"\x10\0\0\0PARE", "F_FORMAT"),
        Case("damaged-group.parquet", damaged_in_the_middle(), "F_TRUNCATED"),
        Case("no-rows.parquet", parquet({name: pa.array([], pa.string()) for name in HEADER}),
             "F_EMPTY"),
        Case("decimal256.parquet", parquet(columns("m1",
             payment_amount=pa.array([Decimal("12.50")], pa.decimal256(76, 2)))),
             "F_TYPE_UNSUPPORTED"),
        Case("int96.parquet", parquet(columns("m2", paid_at=[datetime(2026, 1, 1, 10)]),
             use_deprecated_int96_timestamps=True), "F_TYPE_UNSUPPORTED"),
        Case("nested-int96.parquet", parquet(columns("m3", more=[[{"a": datetime(2026, 1, 1)}]]),
             use_deprecated_int96_timestamps=True), "F_TYPE_UNSUPPORTED"),
        Case("columns-twice.parquet", parquet(columns("n1", more=["x"]), [*HEADER, "order_id"]),
             "F_HEADER_DUPLICATE"),
        Case("columns-by-case.parquet", parquet(columns("n2", more=["x"]), [*HEADER, "ORDER_ID"]),
             "F_HEADER_COLLISION"),
        Case("currency_code=USD/order_id=q/hive.parquet", parquet(columns("o1")), loaded=1),
        Case("no-texts.parquet", parquet(columns("p1", order_id=[b"\xff\xfe"])), "F_ENCODING"),
        Case("binary-texts.parquet", parquet(columns("p2", order_id=["注文".encode()])), loaded=1),
        Case("zoned-times.parquet", parquet(columns("q1",
             paid_at=pa.array([datetime(2026, 1, 1, 10, tzinfo=UTC)], pa.timestamp("us", "UTC")))),
             loaded=1),
        Case("nanoseconds.parquet", parquet(columns("q2",
             paid_at=pa.array([datetime(2026, 1, 1, 10)], pa.timestamp("ns")))), loaded=1),
        Case("dictionary.parquet", parquet(columns("q3",
             currency_code=pa.array(["EUR"]).dictionary_encode())), loaded=1),
        Case("numbers.parquet", parquet(columns("", payment_id=pa.array([2**64 - 1], pa.uint64()),
             payment_amount=pa.array([np.float16(1.5)], pa.float16()))), loaded=1),
        Case("nested.parquet", parquet(columns("q4", more=[{"a": None, "b": [1, None]}])),
             loaded=1),
        # ---- JSON lines ----
        Case("array.jsonl", lines([payment("r1"), payment("r2")]), "F_FORMAT"),
        Case("pretty-array.jsonl", json.dumps([payment("r3")], indent=1).encode(), "F_FORMAT"),
        Case("scalars.jsonl", lines(1, "2", "null", payment("r4")), loaded=1,
             reasons={"R_JSON_INVALID": 3}),
        Case("blank-lines.jsonl", b"\n \n" + lines(payment("r5")) + b"\r\n\n", loaded=1),
        Case("bom.jsonl", b"\xef\xbb\xbf" + lines(payment("r6")), loaded=1),
        Case("nul.jsonl", lines(payment("r\u00007"), payment("r8")).replace(b"r8", b"r\x008"),
             reasons={"R_NUL_OR_CONTROL": 1, "R_JSON_INVALID": 1}),
        Case("deep.jsonl", lines(payment("r9"), *(json.dumps(payment(f"deep{depth}"))[:-1]
             + ', "more": ' + "[" * depth + "]" * depth + "}"
             for depth in (99, 100, 950, 5_000, 10**6))),
             loaded=2, reasons={"R_JSON_INVALID": 4}),
        Case("numbers.jsonl", lines(json.dumps(payment("?")).replace('"?"', "1" * 5000),
             json.dumps(payment("s2", payment_amount=0)).replace(": 0", ": NaN"),
             json.dumps(payment("s3", payment_amount=0)).replace(": 0", ": 1e999"),
             json.dumps(payment("s4", payment_amount=0)).replace(": 0", ": -Infinity")),
             loaded=1, reasons={"R_JSON_INVALID": 2, "R_CAST": 1}),
        Case("key-twice.jsonl", lines(payment("t1"), json.dumps(payment("t2"))[:-1]
             + ', "order_id": "other"}'), loaded=1, reasons={"R_JSON_INVALID": 1}),
        # ---- Compressed ----
        Case("members.csv.gz", gzip.compress(text(row("u1"))) + gzip.compress(
             ",".join(row("u2")).encode()), **two),
        Case("tail.csv.gz", gzip.compress(text(row("u3"))) + b"garbage", "F_TRUNCATED"),
        Case("cut.csv.gz", gzip.compress(text(row("u4")))[:-9], "F_TRUNCATED"),
        Case("bomb.csv.gz", gzip.compress(text() + bytes(100 << 20), 1), "F_TOO_LARGE"),
        Case("bomb.jsonl.gz", gzip.compress(b'{"a": "' + b"a" * (100 << 20), 1), "F_TOO_LARGE"),
        # ---- CSV ----
        Case("columns.csv", ",".join(map(str, range(200_000))).encode() + b"\n1\n",
             "F_HEADER_MISSING_REQUIRED"),
        Case("header-only.csv", text()),
        Case("nul.csv", text(row("v1"), row("v\x002")), loaded=1, reasons={"R_NUL_OR_CONTROL": 1}),
        Case("lone-cr.csv", text(row("v3"), row("v4")).replace(b"\n", b"\r"), **two),
        Case("c4=USD/currency_code=USD/hive.csv", text(row("v5")), loaded=1),
        Case("dt=2026-02-30/no-day.csv", text(row("v6")), "F_FOLDER_DATE"),
        Case("dt=20260102/no-day.csv", text(row("v7")), "F_FOLDER_DATE"),
        Case("quote's [*] $é 注文\n.csv", text(row("v8")), loaded=1),
        Case(os.fsdecode(b"no text \xff.csv"), text(row("v9")), "F_UNREADABLE"),
        Case("wrong-format.csv", parquet(columns("w1")), "F_ENCODING"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All cases, loaded in one run: cases and outcomes by name, and the warehouse."""
    landing = tmp_path_factory.mktemp("corpus")
    by_name = {}
    for case in cases():
        path = landing / "crm" / "payments" / case.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.content)
        by_name[reading.shown(Path(case.name))] = case
    connection = duckdb.connect()
    outcomes = load(connection, landing, "crm/payments")
    return by_name, {o.file_name.removeprefix("crm/payments/"): o for o in outcomes}, connection


def test_each_damaged_file_ends_as_its_code_or_its_counts(corpus: Any) -> None:
    by_name, outcomes, connection = corpus
    assert set(outcomes) == set(by_name)
    reasons: dict[str, Counter[str]] = {}
    for name, reason, count in fetch(
        connection, "select file_name, reason, count(*) from ops.quarantined_rows "
        "inner join ops.files using (file_id) group by all",
    ):  # fmt: skip
        reasons.setdefault(str(name).removeprefix("crm/payments/"), Counter())[reason] = count
    wrong = []
    for name, case in by_name.items():
        outcome: FileOutcome = outcomes[name]
        found = (outcome.reject_code, outcome.rows_loaded, dict(reasons.get(name, {})))
        if found != (case.code, case.loaded, case.reasons):
            wrong.append(f"{name}: {found}, expected {(case.code, case.loaded, case.reasons)}"
                         f" {outcome.reject_message}")  # fmt: skip
        if not case.code and outcome.rows_in != case.loaded + sum(case.reasons.values()):
            wrong.append(f"{name}: rows are not conserved: {outcome}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_values_are_those_of_the_file(corpus: Any) -> None:
    """Nothing comes from names of folders, types of the reader or the machine's zone."""
    found = {
        key: values
        for key, *values in fetch(
            corpus[2], "select payment_id, order_id, paid_at::varchar, payment_amount::varchar, "
            "currency_code, payment_type from raw_crm.payments",
        )
    }  # fmt: skip
    good = ["o", "2026-01-01 01:00:00", "1.500", "EUR", "charge"]
    assert found["o1"] == found["v5"] == found["a1"] == found["b2"] == good
    assert found["p2"] == ["注文", *good[1:]]
    assert found["q1"][1] == "2026-01-01 10:00:00"  # UTC was stated
    assert found["q2"] == found["q3"] == found[str(2**64 - 1)] == found["1" * 5000] == good
    assert found["1000000000000000"] == good
    assert found["k2"] == ["o", "2026-01-01 15:00:00", "2.000", "EUR", "charge"]


def test_messages_name_no_content(corpus: Any) -> None:
    messages = [str(outcome.reject_message) for outcome in corpus[1].values()]
    assert not [text for text in messages if re.search(r"[\n{<]|Error|0x|line 1, col|\.py", text)]


# ---- Files that cannot be read, vanish or change -------------------------------------------------


GOOD = PAYMENTS + "p,o,2026-01-01,1,EUR,\n"


def codes(connection: duckdb.DuckDBPyConnection) -> dict[object, object]:
    query = "select file_name, coalesce(reject_code, status) from ops.files"
    return dict(fetch(connection, f"{query} where status != 'withdrawn'"))


def test_what_is_no_file_is_refused_by_name_and_never_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "crm" / "payments"
    place(tmp_path, "crm/payments", "good.csv", GOOD)
    (folder / "empty.csv").mkdir()  # a folder; what lies in it would be read
    os.mkfifo(folder / "pipe.csv")
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "nothing.csv").symlink_to("gone.csv")
    (folder / "device.csv").symlink_to("/dev/zero")
    (folder / "folder.csv").symlink_to("/")
    with socket.socket(socket.AF_UNIX) as bound:
        monkeypatch.chdir(folder)  # the path of a socket is short
        bound.bind("socket.csv")
    connection = duckdb.connect()
    load(connection, tmp_path, "crm/payments")
    refused = ("pipe", "loop", "nothing", "device", "folder", "socket")
    assert codes(connection) == {
        "crm/payments/good.csv": "loaded",
        **{f"crm/payments/{name}.csv": "F_UNREADABLE" for name in refused},
        "crm/payments/device.csv": "F_LINK",
        "crm/payments/folder.csv": "F_LINK",
    }
    assert [c.name for c in audits.load_checks(connection) if c.name.endswith("pipe.csv")]
    ledger.waive(connection, "crm/payments/pipe.csv", "not ours")
    (folder / "loop.csv").unlink()
    assert {o.file_name for o in load(connection, tmp_path, "crm/payments")} == {
        f"crm/payments/{name}.csv" for name in refused[2:]
    }
    statuses = "select status, count(*) from ops.files group by 1 order by 1"
    assert fetch(connection, statuses) == [
        ("loaded", 1), ("rejected", 4), ("waived", 1), ("withdrawn", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied", "/secret"), "permission denied"),
        (OSError(5, "Input/output error"), "input/output error"),
        (MemoryError(), "it does not fit into memory"),
        (RecursionError("secret"), "it breaks the reader of its format"),
        (ZeroDivisionError("secret"), "it breaks the reader of its format"),
    ],
)
@pytest.mark.parametrize(
    ("module", "where"),
    [(reading, "file_id"), (delimited, "inspect"), (delimited, "csv_records")],
)
def test_an_error_while_reading_refuses_one_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    where: str,
    error: Exception,
    message: str,
) -> None:
    """Whatever is raised where: at the first look, at the second, amid the rows."""
    bad = place(tmp_path, "crm/payments", "bad.csv", GOOD + "q,o\n")
    place(tmp_path, "crm/payments", "good.csv", GOOD)
    original = getattr(module, where)

    def fails(first: Any, *others: Any) -> Any:
        if where == "csv_records" or str(first) == str(bad):
            raise error
        return original(first, *others)

    connection = duckdb.connect()
    with monkeypatch.context() as patch:
        patch.setattr(module, where, fails)
        outcomes = {o.file_name: o for o in load(connection, tmp_path, "crm/payments")}
    refused = outcomes["crm/payments/bad.csv"]
    assert (refused.reject_code, refused.reject_message) == ("F_UNREADABLE", message)
    load(connection, tmp_path, "crm/payments")  # it can be read now
    assert set(codes(connection).values()) == {"loaded"}


def test_an_error_of_the_database_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path, "crm/payments", "a.csv", GOOD)
    connection = duckdb.connect()

    def full(*arguments: Any) -> int:
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(file_load.FileLoad, "_insert", full)
    with pytest.raises(duckdb.IOException):
        load(connection, tmp_path, "crm/payments")
    assert codes(connection) == {}


@pytest.mark.parametrize(
    ("loads", "step"),
    [
        (file_load.FileLoad, "_judge_rows"),
        (file_load.FileLoad, "_read_contested"),
        (file_load.FileLoad, "_insert"),
        (together.Together, "_judge"),
        (together.Together, "_insert"),
    ],
)
@pytest.mark.parametrize("fate", ["gone", "longer", "cut", "same size and time", "a folder"])
def test_a_file_that_does_not_stay_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loads: Any, step: str, fate: str
) -> None:
    """At whatever step it goes, changes or is replaced, alone or among others: they are loaded."""
    paths = [place(tmp_path, "crm/payments", f"{n}.csv", GOOD.replace("p,o", f"p{n},o"))
             for n in range(3)]  # fmt: skip
    files = landing_zone.present_files(tmp_path, TABLES["crm/payments"], {})
    path = files[1].path
    original = getattr(loads, step)
    is_alone = loads is file_load.FileLoad
    calls = []

    def meanwhile(self: Any, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == (2 if is_alone else 1):
            stat, text_ = path.stat(), path.read_text("utf-8")
            path.unlink()
            if fate == "a folder":
                path.mkdir()
            elif fate != "gone":
                changed = {"longer": text_ + "q,o,2026-01-01,1,EUR,\n", "cut": text_[:-9]}
                path.write_text(changed.get(fate, text_.replace(",1,", ",2,")), "utf-8")
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        return original(self, *arguments)

    connection = duckdb.connect()
    with monkeypatch.context() as patch:
        patch.setattr(loads, step, meanwhile)
        if is_alone:
            patch.setattr(together, "SMALL", -1)
        load(connection, tmp_path, "crm/payments")
    assert calls
    names = [reading.shown(p.relative_to(tmp_path)) for p in paths]
    expected = dict.fromkeys(names, "loaded") | {
        files[1].name: "F_UNREADABLE" if fate == "a folder" else "F_CHANGED"
    }
    assert codes(connection) == expected
    (check,) = [c for c in audits.load_checks(connection) if c.name.endswith(files[1].name)]
    assert check.status == "fail"
    assert ledger.waive(connection, files[1].name, "we know")[0] == files[1].name
    load(connection, tmp_path, "crm/payments")
    withdrawn = fetch(connection, "select count(*) from ops.files where status = 'withdrawn'")
    assert withdrawn == [(1,)]
