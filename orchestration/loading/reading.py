"""
Read one landing file as text rows, column by column of its contract.

Promises: columns are matched by name, never by position; a malformed row never changes its
neighbours; memory is bounded by the batch, not by the file. Refuses the whole file (`RejectedFile`)
when it cannot be read faithfully; never guesses an encoding and never replaces characters. Whatever
else goes wrong while a file is read, in a library or on the disk, refuses that file only. Messages
repeat nothing of what stands in a file, but for names of the contract: anything may stand there.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import json
import os
import re
import stat
import warnings
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from itertools import repeat, zip_longest
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
_PRIVATE: dict[str, Any] = {
    "python_enable_replacements": "false"
}  # of a connection that only reads one file
MAXIMUM_LINE = 32 * 1024 * 1024  # characters
MAXIMUM_DEPTH = 100  # of nested JSON values
# What a workbook may unpack to, in bytes: so much in all, and so many times its own size.
MAXIMUM_WORKBOOK, MAXIMUM_RATIO, SMALL_WORKBOOK = 2 << 30, 200, 100 << 20
MAXIMUM_SHEET_ROWS = 1_048_576  # of Excel itself


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


@contextmanager
def refusing() -> Iterator[None]:
    """Whatever goes wrong in the block refuses the file that it reads (`RejectedFile`)."""
    try:
        yield
    except RejectedFile:
        raise
    except Exception as error:  # of a library, on bytes that nobody foresaw
        raise reject_for(error) from error


def reject_for(error: Exception) -> RejectedFile:
    """The refusal of a file that could not be read for an error, in words that quote nothing."""
    if isinstance(error, RejectedFile):
        return error
    if isinstance(error, FileNotFoundError):
        return changed("the file was removed while it was read")
    reason = "it breaks the reader of its format"
    if isinstance(error, MemoryError):
        reason = "it does not fit into memory"
    elif isinstance(error, OSError) and error.errno:
        reason = os.strerror(error.errno).lower()
    return RejectedFile(
        "F_UNREADABLE", reason, "look at the file's rights and its disk, then export it again"
    )


def changed(message: str) -> RejectedFile:
    """The reject of a file that was not left alone while it was read."""
    return RejectedFile(
        "F_CHANGED",
        message,
        "write files under a name that begins with _ or ends in .tmp, then rename them",
    )


def files_below(folder: Path) -> list[Path]:
    """All that is no folder, sub-folders included, and folders that cannot be listed."""
    found: list[str] = []

    def unlisted(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            found.append(error.filename)

    for parent, folders, names in os.walk(folder, onerror=unlisted):
        paths = [f"{parent}/{name}" for name in folders]
        found += [path for path in paths if os.path.islink(path)]
        found += [f"{parent}/{name}" for name in names]
    return [Path(path) for path in sorted(found)]


def shown(path: Path | str) -> str:
    """A path as one line of text, whatever bytes its name has; addresses and numbers masked."""
    text = str(path)
    if not text.isprintable():
        text = os.fsencode(text).decode("utf-8", "backslashreplace")
        text = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    return privacy.masked_text(text)


def stamp(path: Path) -> tuple[int, int, int]:
    """
    Size in bytes, and when content and entry were last changed, in nanoseconds.

    The second time cannot be set by anybody. Raises `RejectedFile` or `OSError` when it is no file.
    """
    try:
        found = path.stat()
    except OSError as error:
        if path.is_symlink():
            raise RejectedFile(
                "F_UNREADABLE", "it is a link to nothing", "copy the file itself"
            ) from error
        raise
    if not stat.S_ISREG(found.st_mode):
        raise RejectedFile(
            "F_UNREADABLE", "it is no file but a pipe, socket, device or folder", "move it away"
        )
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def file_id(path: Path) -> str:
    """
    SHA-256 of the bytes: a file is known by its content, never by its name.

    Raises `RejectedFile` when it cannot be read.
    """
    with refusing(), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def format_of(path: Path) -> str | None:
    """The format that a file name states, compression left out; None when not supported."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), None)


def read(path: Path, table: Table) -> Opened:
    """Open `path` under the contract of `table`. Raises `RejectedFile`, also while iterating."""
    with refusing():
        opened = _open(path, table)

    def rows() -> Iterator[Row]:
        with refusing():
            yield from opened.rows()

    return replace(opened, rows=rows)


def _open(path: Path, table: Table) -> Opened:
    kind = format_of(path)
    if kind is None:
        raise RejectedFile(
            "F_FORMAT",
            f"{shown(Path(path.name))} is of no supported format",
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
            # Few bytes at a time: each of them may become 32,000.
            chunk = self._compressed or self._raw.read(1 << 11)
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
def _text(path: Path, encoding: str, newline: str = "") -> Iterator[Iterator[str]]:
    """Lines of a text file; raises `RejectedFile` on one that is too long to be held."""
    with _decompressed(path) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline=newline)

        def lines() -> Iterator[str]:
            while line := text.readline(MAXIMUM_LINE):
                if len(line) == MAXIMUM_LINE:
                    raise RejectedFile(
                        "F_TOO_LARGE",
                        f"a line has {MAXIMUM_LINE:,} characters or more",
                        "export it again, one row a line",
                    )
                yield line

        yield lines()


DELIMITERS = (",", ";", "\t")


def plain_csv(path: Path, delimiter: str | None = None) -> Iterator[tuple[int, list[str] | None]]:
    """
    Records of any CSV file, header included, with their line; None where quoting breaks.

    Unless one is given, the delimiter is the one that the first line has most of.
    """
    encoding = _inspect(path).encoding
    with _text(path, encoding) as lines:
        first = next(lines, "")
    with _text(path, encoding) as lines:
        yield from csv_records(lines, delimiter or max(DELIMITERS, key=first.count))


def json_texts(path: Path, is_whole: bool = False) -> list[str]:
    """
    Records of a JSON file as texts: one a line, an array, or an API's `{"data": [...]}`.

    With `is_whole`, the pages of an API stay whole.
    """
    with _decompressed(path) as stream:
        text = stream.read().decode(_inspect(path).encoding)
    try:
        whole = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        whole = [
            json.loads(line, parse_float=str, parse_int=str)
            for line in text.split("\n")  # other line ends may stand inside a text
            if line.strip()
        ]
    if isinstance(whole, dict):
        is_page = isinstance(whole.get("data"), list) and not is_whole
        whole = whole["data"] if is_page else [whole]
    return [json.dumps(record, ensure_ascii=False) for record in whole]


def _csv_header(path: Path, encoding: str, table: Table) -> tuple[str, list[str], int]:
    """Delimiter, header cells and the number of lines that they take."""
    best: tuple[int, str, list[str], int] | None = None
    for delimiter in DELIMITERS:
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
            records = csv_records(text, delimiter)
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
            f"strict_mode = true, hive_partitioning = false, columns = {{{columns}}})",
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


def parquet_relation(path: Path) -> tuple[str, list[str], int]:
    """
    SQL of a relation with exactly the columns of a Parquet file, their names, and its rows.

    Raises `RejectedFile` for types that DuckDB would read as something else.
    """
    from pyarrow import parquet  # slow to import and needed for Parquet only

    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - 4, 0))
        if stream.read() == b"PARE":
            raise RejectedFile("F_FORMAT", "the file is encrypted", "export it without encryption")
        stream.seek(0)
        try:
            file = parquet.ParquetFile(stream)
            names, leaves, rows = file.schema_arrow.names, file.schema, file.metadata.num_rows
        except Exception as error:
            raise damaged_parquet() from error
        tops = [leaves.column(number).path.split(".")[0] for number in range(len(leaves))]
        for number, name in enumerate(tops):
            leaf = leaves.column(number)
            kind = None
            if leaf.physical_type == "INT96":
                kind = "INT96, a time that does not say its zone"
            elif leaf.logical_type.type == "DECIMAL" and leaf.precision > 38:
                kind = f"decimal of {leaf.precision} digits, and 38 can be read exactly"
            if kind:
                raise RejectedFile(
                    "F_TYPE_UNSUPPORTED",
                    f"column {list(dict.fromkeys(tops)).index(name) + 1} is {kind}",
                    "export the column as a timestamp in microseconds, a decimal of at most 38 "
                    "digits, or as text",
                )
    # A folder `key=value` says nothing about the rows.
    return f"read_parquet({_path_literal(path)}, hive_partitioning = false)", names, rows


def _read_parquet(path: Path, table: Table) -> Opened:
    relation, names, row_count = parquet_relation(path)
    if not row_count:
        raise RejectedFile("F_EMPTY", "the file has no rows", "export it again")
    matched = _match_header(names, table)  # of two names that are one, DuckDB would change one
    try:
        with duckdb.connect(config=_PRIVATE) as connection:
            described = connection.execute(f"describe select * from {relation}").fetchall()
            for position, (name, kind, *_) in enumerate(described, start=1):
                if kind == "BLOB":
                    _refuse_bytes(connection, relation, name, position)
    except duckdb.Error as error:
        raise damaged_parquet() from error

    def expression(position: int) -> str:
        name, kind = described[position][:2]
        if kind == "BLOB":
            return f"decode({_quoted(name)})"
        nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))
        return f"to_json({_quoted(name)})::varchar" if nested else f"{_quoted(name)}::varchar"

    scan = _scan(
        relation,
        table,
        {column: expression(place) for place, column in matched.known.items()},
        {name: expression(place) for place, name in matched.new.items()},
    )

    def rows() -> Iterator[Row]:
        try:
            with duckdb.connect(config=_PRIVATE) as connection:
                connection.execute("set TimeZone = 'UTC'")
                cursor = connection.execute(f"select * from {scan}")
                number = 0
                while batch := cursor.fetchmany(BATCH_ROWS):
                    for *values, extra, reason in batch:
                        number += 1
                        yield Row(number, number, values, json.loads(extra or "{}"), reason)
        except duckdb.Error as error:
            raise damaged_parquet() from error

    return Opened(
        list(matched.known.values()),
        matched.new,
        matched.renamed,
        rows,
        scan,
        row_count=row_count,
    )


def _refuse_bytes(
    connection: duckdb.DuckDBPyConnection, relation: str, name: str, position: int
) -> None:
    """Bytes without a type are text, as old writers leave it, if all of them are UTF-8."""
    row = connection.execute(
        f"select count({_quoted(name)}) - count(try(decode({_quoted(name)}))) from {relation}"
    ).fetchone()
    if row != (0,):
        raise RejectedFile(
            "F_ENCODING", f"column {position} has bytes that are no UTF-8", "export it as text"
        )


def damaged_parquet() -> RejectedFile:
    """The reject of a Parquet file that cannot be read to its end."""
    return RejectedFile("F_TRUNCATED", "not a whole Parquet file", "export the file again")


# ---- Records (JSONL, Excel) ----------------------------------------------------------------------


class _CellError:
    """What an Excel cell holds that has no value: an error, or a formula that was not computed."""


CELL_ERROR = _CellError()
# A line and its values by name, or the reason why it has none.
Record = tuple[int, dict[str, Any] | str]


def _read_records(records: Callable[[], Iterator[Record]], table: Table) -> Opened:
    """
    Rows of a format that names its columns record by record.

    The columns are those of the first `BATCH_ROWS` records; a later record may bring new ones.
    """
    header: dict[str, None] = {}
    seen = 0
    for _, record in records():
        header.update(dict.fromkeys(record if isinstance(record, dict) else ()))
        seen += 1
        if seen >= BATCH_ROWS:
            break
    if not seen:
        raise RejectedFile("F_EMPTY", "the file has no rows", "export it again")
    if not header:
        raise RejectedFile(
            "F_FORMAT",
            f"none of the first {seen:,} lines is a JSON object",
            "export one object a line, without brackets around them",
        )
    matched = _match_header(list(header), table)

    def rows() -> Iterator[Row]:
        for number, (line, record) in enumerate(records(), start=1):
            if isinstance(record, str):
                yield Row(number, line, [None] * len(table.columns), {}, record)
                continue
            named: dict[str, str | None] = {}
            extra: dict[str, str] = {}
            reason = None
            for text, value in record.items():
                name = normalise_header(text)
                column = table.header_names.get(name)
                if (column or name) in (named if column else extra):
                    reason = "R_STRUCTURE_EXTRA_COLS"
                elif column is None:
                    if value not in (None, CELL_ERROR):
                        extra[name] = text_of(value) or ""
                elif value is CELL_ERROR:
                    reason = "R_CELL_ERROR"
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
        # A day of Excel is a datetime; midnight and its day are one time to the casts.
        is_day = value.time() == time() and value.tzinfo is None
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)


def _json_records(path: Path) -> Iterator[Record]:
    encoding = _inspect(path).encoding
    with _text(path, encoding, newline="\n") as lines:
        for line_number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                # Numbers stay the text that was written: no float ever touches an amount.
                record = json.loads(
                    line,
                    parse_float=str,
                    parse_int=str,
                    parse_constant=_no_constant,
                    object_pairs_hook=_unique_keys,
                )
                if "\\u" in line:  # half a surrogate pair is no text
                    json.dumps(record, ensure_ascii=False).encode()
                if line.count("[") + line.count("{") > MAXIMUM_DEPTH:
                    _refuse_depth(record, MAXIMUM_DEPTH)
            except (ValueError, RecursionError):
                record = None
            yield line_number, record if isinstance(record, dict) else "R_JSON_INVALID"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _refuse_depth(value: Any, left: int) -> None:
    """How deep Python can parse depends on who calls; how deep a value may be does not."""
    if isinstance(value, dict | list):
        if not left:
            raise ValueError("nested too deeply")
        for part in value.values() if isinstance(value, dict) else value:
            _refuse_depth(part, left - 1)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; refused when a key stands twice, since one of its values would be lost."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _xlsx_records(path: Path) -> Iterator[Record]:
    rows = (row for row in sheet_rows(path) if any(cell not in (None, "") for cell in row[1]))
    _, first = next(rows, (0, []))
    header = ["" if cell is CELL_ERROR else text_of(cell) or "" for cell in first]
    for position, name in enumerate(header):
        if name and name in header[:position]:
            raise RejectedFile(
                "F_HEADER_DUPLICATE",
                f"columns {header.index(name) + 1} and {position + 1} have one name "
                f"({privacy.described(name)})",
                "keep one of them, or rename one",
            )
    for line, cells in rows:
        named = list(zip_longest(header, cells[: len(header)]))
        nameless = [cell for name, cell in named if not name] + cells[len(header) :]
        if any(cell not in (None, "") for cell in nameless):
            yield line, "R_STRUCTURE_EXTRA_COLS"
        else:
            yield line, {name: cell for name, cell in named if name}


def sheet_rows(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """
    Rows of the first visible sheet of a workbook with their line; empty ones too.

    A cell that shows an error, or a formula whose value was not saved, is `CELL_ERROR`.
    """
    import openpyxl  # slow to import and needed for Excel only

    warnings.filterwarnings("ignore", module="openpyxl")  # they quote cells
    with path.open("rb") as stream:
        if stream.read(8) == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            raise RejectedFile(
                "F_FORMAT",
                "it is an old .xls or an encrypted workbook",
                "save it as .xlsx without a password",
            )
    try:
        has_formulas = _unpacks(path)

        def rows(values: bool) -> Iterator[tuple[Any, ...]]:
            book = openpyxl.load_workbook(path, read_only=True, data_only=values)
            sheet = next(s for s in book.worksheets if s.sheet_state == "visible")
            sheet.reset_dimensions()  # what the file says of its size may be wrong
            yield from sheet.iter_rows()
            book.close()

        formulas: Iterable[tuple[Any, ...]] = rows(values=False) if has_formulas else repeat(())
        both = zip(rows(values=True), formulas, strict=False)
        for line, (cells, written) in enumerate(both, start=1):
            if line > MAXIMUM_SHEET_ROWS:
                raise ValueError("more rows than Excel has")
            errors = {n for n, cell in enumerate(cells) if cell.data_type == "e"}
            errors |= {
                n
                for n, (cell, formula) in enumerate(zip(cells, written, strict=False))
                if cell.value is None and formula.data_type == "f"
            }
            yield line, [CELL_ERROR if n in errors else c.value for n, c in enumerate(cells)]
    except (RejectedFile, OSError, MemoryError):
        raise
    except Exception as error:  # openpyxl raises whatever comes up
        raise RejectedFile(
            "F_TRUNCATED",
            "it is no workbook with a sheet that can be read to its end",
            "open it in Excel and save it again as .xlsx",
        ) from error


def _unpacks(path: Path) -> bool:
    """Whether a workbook has formulas; raises `RejectedFile` when it would fill the memory."""
    with zipfile.ZipFile(path) as parts:
        size, unpacked = path.stat().st_size, sum(part.file_size for part in parts.infolist())
        if unpacked > min(MAXIMUM_WORKBOOK, max(SMALL_WORKBOOK, MAXIMUM_RATIO * size)):
            raise RejectedFile(
                "F_TOO_LARGE", f"it unpacks to {unpacked >> 20:,} MiB", "export it as CSV"
            )
        for name in parts.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with parts.open(name) as stream:
                    tail = b""
                    while chunk := stream.read(1 << 20):
                        if re.search(rb"<(\w+:)?f[\s/>]", tail + chunk):
                            return True
                        tail = chunk[-40:]
    return False


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
