"""
Read one landing file as text rows, column by column of its contract.

Promises: columns are matched by name, never by position; a malformed row never changes its
neighbours; memory is bounded by the batch, not by the file. Refuses the whole file (`RejectedFile`)
when it cannot be read faithfully; never guesses an encoding and never replaces characters. No
message repeats what stands in a file, but for names of the contract: anything may stand there.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

import duckdb
import numpy as np
import zstandard

from orchestration.loading import privacy
from orchestration.loading.contract import Table, normalise_header

BATCH_ROWS = 50_000
FORMATS = (".csv", ".jsonl", ".parquet", ".xlsx")
csv.field_size_limit(16 * 1024 * 1024)


class RejectedFile(Exception):
    """A file of which nothing can be loaded: stable code, column if any, message, remedy."""

    def __init__(self, code: str, message: str, remedy: str, column: str | None = None) -> None:
        """A stable code, what is wrong, what to do, and the column it is about."""
        super().__init__(f"{code}: {message}. Remedy: {remedy}")
        self.code, self.message, self.remedy, self.column = code, message, remedy, column


@dataclass
class Row:
    """One row: its line in the file and its number (both 1-based; no header), and its texts."""

    number: int
    line: int
    values: list[str | None]
    extra: dict[str, str] = field(default_factory=dict)
    structure_reason: str | None = None


@dataclass
class Opened:
    """
    A file opened under a contract.

    `scan`, where there is one, is a relation (SQL) with the contract's columns as text, `_extra`
    and `_structure`, in the order of the file: DuckDB's own fast and parallel reader, for files of
    which it is known to understand every byte as `rows` does. `rows` reads any file, row by row.
    """

    columns: list[str]  # of the contract, in the order of the file
    new_columns: dict[int, str]  # that the contract does not know, by their place in the file
    renamed: dict[str, str]  # contract column -> alias that the file uses
    rows: Callable[[], Iterator[Row]]
    scan: str | None = None
    has_control: bool = True
    lines: int | None = None  # physical lines of the file, where they are known beforehand
    row_count: int | None = None  # rows that `scan` has to give, where they are known beforehand


def file_id(path: Path) -> str:
    """SHA-256 of the bytes: a file is known by its content, never by its name."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def format_of(path: Path) -> str | None:
    """The format that a file name states, compression left out; None when not supported."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), None)


def read(path: Path, table: Table) -> Opened:
    """Open `path` under the contract of `table`. Raises `RejectedFile`, also while iterating."""
    kind = format_of(path)
    if kind is None:
        raise RejectedFile(
            "F_FORMAT",
            f"{privacy.masked_text(path.name)} is of no supported format",
            f"export as one of {', '.join(FORMATS)} (.csv and .jsonl also .gz or .zst)",
        )
    if path.stat().st_size == 0:
        raise RejectedFile("F_EMPTY", "the file has no bytes", "export it again")
    if kind == ".csv":
        return _read_csv(path, table)
    if kind == ".jsonl":
        return _read_records(lambda: _json_records(path), table)
    if kind == ".parquet":
        return _read_parquet(path, table)
    return _read_records(lambda: _xlsx_records(path), table)


@dataclass
class _Header:
    """Positions of contract columns, of columns that the contract does not know, and aliases."""

    known: dict[int, str]
    new: dict[int, str]
    renamed: dict[str, str]


def _match_header(header: list[str], table: Table) -> _Header:
    seen: dict[str, int] = {}
    known: dict[int, str] = {}
    new: dict[int, str] = {}
    renamed: dict[str, str] = {}
    for position, text in enumerate(header):
        name = normalise_header(text)
        column = table.header_names.get(name)
        target = column or name
        if target in seen:
            first = seen[target]
            raise RejectedFile(
                "F_HEADER_DUPLICATE" if header[first] == text else "F_HEADER_COLLISION",
                f"columns {first + 1} and {position + 1} both mean column {column}"
                if column
                else f"columns {first + 1} and {position + 1} have one name "
                f"({privacy.described(text)})",
                "keep one of them, or rename one",
                column,
            )
        seen[target] = position
        if column:
            known[position] = column
            if name != column:
                renamed[column] = text
        else:
            new[position] = name or f"column_{position + 1}"
    found = set(known.values())
    if missing := [name for name in table.required if name not in found]:
        labels = [
            privacy.header_label(position, text, position in known)
            for position, text in enumerate(header)
        ]
        raise RejectedFile(
            "F_HEADER_MISSING_REQUIRED",
            f"required column {', '.join(missing)} is missing (found: {', '.join(labels)[:300]})",
            f"export {table.label} with column {', '.join(missing)}, or add an alias to its "
            f"contract in dbt_project/models/staging/{table.source}/_{table.source}__sources.yml",
            missing[0],
        )
    return _Header(known, new, renamed)


# ---- CSV ---------------------------------------------------------------------------------------


class _ZstdStream(io.RawIOBase):
    """Decompresses frames one after the other; a frame that does not end is an `EOFError`."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._compressed, self._plain = b"", b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._plain:
            chunk = self._compressed or self._raw.read(1 << 16)
            if not chunk:
                if self._frame is not None:
                    raise EOFError("the last frame does not end")
                return 0
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._plain, self._compressed = self._frame.decompress(chunk), b""
            if self._frame.eof:
                self._compressed, self._frame = self._frame.unused_data, None
        part, self._plain = self._plain[: len(buffer)], self._plain[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


@contextmanager
def _decompressed(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, with every way a compressed file can be broken as one clear reject."""
    name = path.name.lower()
    with path.open("rb") as raw:
        try:
            if name.endswith(".gz"):
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield stream  # type: ignore[misc]  # a GzipFile is no IO[bytes] to its stubs
            elif name.endswith(".zst"):
                yield io.BufferedReader(_ZstdStream(raw))
            else:
                yield raw
        except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
            raise RejectedFile(
                "F_TRUNCATED",
                "the compressed file is cut off or damaged",
                "copy or export the file again; compare its size with the source",
            ) from error


@dataclass
class _Bytes:
    """What one pass over the bytes of a text file tells."""

    encoding: str
    has_control: bool = True
    lines: int | None = None
    records: int | None = None  # rows and header of a CSV that is plain enough to count them
    is_plain: bool = False  # one kind of line end, no empty line, no blank beside a quote


_LF, _CR, _QUOTE, _BLANK = b'\n\r" '
_CONTROL = np.array([byte < 32 and byte not in b"\t\n\r" for byte in range(256)])
_PADDED = re.compile(rb'[,;\t\n] +"(?!")|[,;\t\n] +""[,;\t\r\n]|" +[,;\t\r\n]')


def _inspect(path: Path) -> _Bytes:
    """
    Look at every byte once. The encoding is the byte order mark's, else strict UTF-8, else CP932.

    Raises `RejectedFile` when the text is none of them.
    """
    with _decompressed(path) as stream:
        start = stream.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _Bytes(_decodable(path, "utf-16"))
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    newlines = returns = pairs = records = quotes = 0
    control = padded = empty_line = False
    last = b"\n"
    try:
        with _decompressed(path) as stream:
            while chunk := stream.read(1 << 22):
                if not (chunk.isascii() and decoder.getstate()[0] == b""):
                    decoder.decode(chunk)
                # The last byte of the chunk before stands first, for what crosses the border.
                bytes_ = np.frombuffer(last + chunk, np.uint8)
                line_ends = np.flatnonzero(bytes_ == _LF)
                marks = np.flatnonzero(bytes_ == _QUOTE)
                ends_here = line_ends[line_ends > 0]
                marks_here = marks[marks > 0]
                low = int(np.count_nonzero(bytes_[1:] < 32))
                if low != len(ends_here):
                    returned = np.flatnonzero(bytes_ == _CR)
                    returns += int(np.count_nonzero(returned > 0))
                    pairs += int(np.count_nonzero(bytes_[ends_here - 1] == _CR))
                    control = control or bool(_CONTROL[bytes_].any())
                if not padded and len(marks):
                    beside = np.concatenate([marks_here - 1, marks[marks < len(bytes_) - 1] + 1])
                    if (bytes_[beside] == _BLANK).any():
                        padded = _PADDED.search(last + chunk) is not None
                # Quotes come in pairs, also doubled ones: a line end after an even number of them
                # ends a record.
                before = quotes + np.searchsorted(marks_here, line_ends)
                outside = line_ends[before % 2 == 0]
                records += int(np.count_nonzero(outside > 0))
                if not empty_line and len(outside) > 1:
                    gap = np.diff(outside)
                    between = bytes_[outside[:-1] + 1]
                    empty_line = bool(((gap == 1) | ((gap == 2) & (between == _CR))).any())
                quotes += len(marks_here)
                newlines += len(ends_here)
                last = chunk[-1:]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _Bytes(_decodable(path, "cp932"))
    unfinished = last != b"\n"
    return _Bytes(
        "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8",
        control,
        newlines + unfinished,
        records + unfinished,
        not padded and not empty_line and returns in (0, newlines) and returns == pairs,
    )


def _decodable(path: Path, encoding: str) -> str:
    """The encoding, if it decodes the whole file strictly."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        with _decompressed(path) as stream:
            while chunk := stream.read(1 << 20):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise RejectedFile(
            "F_ENCODING",
            "the text is neither UTF-8, UTF-16 with a byte order mark nor CP932",
            "export it again as UTF-8",
        ) from error
    return encoding


def csv_records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """
    Records of a CSV text with the line each begins in; None where its quoting breaks.

    A line whose quote is never closed, or closed in the middle of a field, is one broken record;
    reading goes on with the next line, so it swallows no neighbour.
    """
    pushed_back: deque[str] = deque()
    taken: list[str] = []

    def feed() -> Iterator[str]:
        while True:
            line = pushed_back.popleft() if pushed_back else next(lines, None)
            if line is None:
                return
            taken.append(line)
            yield line

    number = 1
    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    while True:
        taken.clear()
        try:
            cells: list[str] | None = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
            pushed_back.extendleft(reversed(taken[1:]))
            del taken[1:]
            reader = csv.reader(feed(), delimiter=delimiter, strict=True)
        yield number, cells
        number += len(taken)


@contextmanager
def _text(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    with _decompressed(path) as stream:
        yield io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline="")


def plain_csv(path: Path) -> Iterator[tuple[int, list[str] | None]]:
    """Records of any CSV file, header included, with their line; None where quoting breaks."""
    encoding = _inspect(path).encoding
    with _text(path, encoding) as text:
        first = text.readline()
    delimiter = max((",", ";", "\t"), key=first.count)
    with _text(path, encoding) as text:
        yield from csv_records(iter(text), delimiter)


def json_texts(path: Path) -> list[str]:
    """Records of a JSON file as texts: one a line, an array, or an API's `{"data": [...]}`."""
    with _text(path, _inspect(path).encoding) as stream:
        text = stream.read()
    try:
        whole = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        whole = [
            json.loads(line, parse_float=str, parse_int=str)
            for line in text.splitlines()
            if line.strip()
        ]
    if isinstance(whole, dict):
        whole = whole["data"] if isinstance(whole.get("data"), list) else [whole]
    return [json.dumps(record, ensure_ascii=False) for record in whole]


def _csv_header(path: Path, encoding: str, table: Table) -> tuple[str, list[str], int]:
    """Delimiter, header cells and the number of lines that they take."""
    best: tuple[int, str, list[str], int] | None = None
    for delimiter in (",", ";", "\t"):
        with _text(path, encoding) as text:
            taken: list[str] = []
            lines = (taken.append(line) or line for line in text)  # type: ignore[func-returns-value]  # append gives None, on purpose
            _, header = next(csv_records(lines, delimiter), (1, []))
        if header is None:
            continue
        matched = sum(normalise_header(name) in table.header_names for name in header)
        if best is None or (matched, len(header)) > (best[0], len(best[2])):
            best = (matched, delimiter, header, len(taken))
    if best is None:
        raise RejectedFile(
            "F_HEADER_QUOTE",
            "the quoting of the header line breaks",
            "export again; double every quote inside a quoted header",
        )
    _, delimiter, header, lines_taken = best
    if len(table.required) > 1 and len(header) == 1:
        raise RejectedFile(
            "F_DELIMITER_COLLAPSED",
            f"the header line is one single column ({privacy.described(header[0])})",
            "export with a comma, semicolon or tab between columns",
        )
    return delimiter, header, lines_taken


def _read_csv(path: Path, table: Table) -> Opened:
    found = _inspect(path)
    delimiter, header, header_lines = _csv_header(path, found.encoding, table)
    matched = _match_header(header, table)
    positions = {column: position for position, column in matched.known.items()}

    def rows() -> Iterator[Row]:
        with _text(path, found.encoding) as text:
            number = 0
            records = csv_records(iter(text), delimiter)
            next(records)
            for line, cells in records:
                if cells == []:
                    continue  # an empty line is no row
                number += 1
                reason = None
                if cells is None:
                    reason, cells = "R_UNTERMINATED_QUOTE", []
                elif len(cells) < len(header):
                    reason = "R_STRUCTURE_MISSING_COLS"
                elif any(cells[len(header) :]):  # empty ones say nothing
                    reason = "R_STRUCTURE_EXTRA_COLS"
                cells += [""] * (len(header) - len(cells))
                yield Row(
                    number,
                    line,
                    [
                        cells[positions[column.name]] if column.name in positions else None
                        for column in table.columns
                    ],
                    {name: cells[place] for place, name in matched.new.items() if cells[place]},
                    reason,
                )

    scan = None
    if found.is_plain and header_lines == 1 and len(header) > 1:
        names = {position: f"c{position}" for position in range(len(header))}
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names.values())
        sign = "\\t" if delimiter == "\t" else delimiter
        scan = _scan(
            f"read_csv({_path_literal(path)}, auto_detect = false, header = true, "
            f"delim = e'{sign}', quote = '\"', escape = '\"', "
            f"strict_mode = true, columns = {{{columns}}})",
            table,
            {column: names[place] for column, place in positions.items()},
            {name: names[place] for place, name in matched.new.items()},
        )
    return Opened(
        list(matched.known.values()),
        matched.new,
        matched.renamed,
        rows,
        scan,
        found.has_control,
        found.lines,
        None if found.records is None else found.records - 1,
    )


def _scan(relation: str, table: Table, known: dict[str, str], new: dict[str, str]) -> str:
    """A relation's columns under the contract's names, all as text, new ones in `_extra`."""
    parts = [
        f'{known[column.name]} as "{column.name}"'
        if column.name in known
        else f'null::varchar as "{column.name}"'
        for column in table.columns
    ]
    extra = "null::varchar"
    if new:
        pairs = ", ".join(
            f"'{name.replace(chr(39), chr(39) * 2)}', nullif({expression}, '')"
            for name, expression in new.items()
        )
        # Merging into nothing leaves out the nulls.
        merged = f"json_merge_patch('{{}}'::json, json_object({pairs}))::varchar"
        extra = f"nullif({merged}, '{{}}')"
    return (
        f"(select {', '.join(parts)}, {extra} as _extra, null::varchar as _structure "
        f"from {relation})"
    )


def _path_literal(path: Path) -> str:
    """A path as SQL text that means exactly this file, also with glob characters in its name."""
    text = re.sub(r"([*?\[])", r"[\1]", str(path))
    return "'" + text.replace("'", "''") + "'"


# ---- Parquet -------------------------------------------------------------------------------------


def _read_parquet(path: Path, table: Table) -> Opened:
    relation = f"read_parquet({_path_literal(path)})"
    try:
        with duckdb.connect(config={"python_enable_replacements": "false"}) as connection:
            described = connection.execute(f"describe select * from {relation}").fetchall()
            counted = connection.execute(f"select count(*) from {relation}").fetchone()
    except duckdb.Error as error:
        raise damaged_parquet() from error
    if counted == (0,):
        raise RejectedFile("F_EMPTY", "the file has no rows", "export it again")
    matched = _match_header([row[0] for row in described], table)

    def expression(position: int) -> str:
        name, kind = described[position][:2]
        nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))
        return f"to_json({_quoted(name)})::varchar" if nested else f"{_quoted(name)}::varchar"

    scan = _scan(
        relation,
        table,
        {column: expression(place) for place, column in matched.known.items()},
        {name: expression(place) for place, name in matched.new.items()},
    )

    def rows() -> Iterator[Row]:
        with duckdb.connect(config={"python_enable_replacements": "false"}) as connection:
            cursor = connection.execute(f"select * from {scan}")
            number = 0
            while batch := cursor.fetchmany(BATCH_ROWS):
                for *values, extra, reason in batch:
                    number += 1
                    yield Row(number, number, values, json.loads(extra or "{}"), reason)

    return Opened(list(matched.known.values()), matched.new, matched.renamed, rows, scan)


def damaged_parquet() -> RejectedFile:
    """The reject of a Parquet file that cannot be read to its end."""
    return RejectedFile("F_TRUNCATED", "not a whole Parquet file", "export the file again")


# ---- Records (JSONL, Excel) ----------------------------------------------------------------------


Record = tuple[int, dict[str, Any] | None]


def _read_records(records: Callable[[], Iterator[Record]], table: Table) -> Opened:
    """
    Rows of a format that names its columns record by record.

    The columns are those of the first `BATCH_ROWS` records; a later record may bring new ones.
    """
    header: dict[str, None] = {}
    seen = 0
    for _, record in records():
        header.update(dict.fromkeys(record or {}))
        seen += 1
        if seen >= BATCH_ROWS:
            break
    if not seen:
        raise RejectedFile("F_EMPTY", "the file has no rows", "export it again")
    matched = _match_header(list(header), table)

    def rows() -> Iterator[Row]:
        for number, (line, record) in enumerate(records(), start=1):
            if record is None:
                yield Row(number, line, [None] * len(table.columns), {}, "R_JSON_INVALID")
                continue
            named: dict[str, str | None] = {}
            extra: dict[str, str] = {}
            reason = None
            for text, value in record.items():
                column = table.header_names.get(normalise_header(text))
                if column is None:
                    if value is not None:
                        extra[normalise_header(text)] = text_of(value) or ""
                elif column in named:
                    reason = "R_STRUCTURE_EXTRA_COLS"
                else:
                    named[column] = text_of(value)
            yield Row(number, line, [named.get(c.name) for c in table.columns], extra, reason)

    return Opened(list(matched.known.values()), matched.new, matched.renamed, rows)


def text_of(value: Any) -> str | None:
    """The text of a typed value, as the contract's casts expect it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)


def _json_records(path: Path) -> Iterator[Record]:
    encoding = _inspect(path).encoding
    with _decompressed(path) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline="\n")
        for line_number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            try:
                # Numbers stay the text that was written: no float ever touches an amount.
                record = json.loads(
                    line, parse_float=str, parse_int=str, object_pairs_hook=_unique_keys
                )
                if "\\u" in line:  # half a surrogate pair is no text
                    json.dumps(record, ensure_ascii=False).encode()
            except (ValueError, RecursionError):
                record = None
            yield line_number, record if isinstance(record, dict) else None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; refused when a key stands twice, since one of its values would be lost."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _xlsx_records(path: Path) -> Iterator[Record]:
    import openpyxl  # slow to import and needed for Excel only

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise RejectedFile(
            "F_TRUNCATED", "not a readable Excel workbook", "save it again as .xlsx"
        ) from error
    rows = book.worksheets[0].iter_rows(values_only=True)
    header = [str(cell) if cell is not None else "" for cell in next(rows, ())]
    while header and not header[-1]:
        header.pop()
    for position, name in enumerate(header):
        if name in header[:position]:
            raise RejectedFile(
                "F_HEADER_DUPLICATE",
                f"columns {header.index(name) + 1} and {position + 1} have one name "
                f"({privacy.described(name)})",
                "keep one of them, or rename one",
            )
    for line, cells in enumerate(rows, start=2):
        if any(cell is not None for cell in cells):
            yield line, dict(zip(header, cells, strict=False))
    book.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
