"""
Read one landing file as text rows, column by column of its contract.

Promises: columns are matched by name, never by position; a malformed row never changes its
neighbours; memory is bounded by the batch, not by the file. Refuses the whole file (`RejectedFile`)
when it cannot be read faithfully; never guesses an encoding and never replaces characters.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

import duckdb
import zstandard

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
    """One physical row: its number in the file (1-based, header not counted) and its texts."""

    number: int
    values: list[str | None]
    extra: dict[str, str] = field(default_factory=dict)
    structure_reason: str | None = None


@dataclass
class Reading:
    """An opened file: which columns it has, and its rows, streamed."""

    columns: list[str]
    new_columns: list[str]
    rows: Iterator[Row]


def file_id(path: Path) -> str:
    """SHA-256 of the bytes: a file is known by its content, never by its name."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def format_of(path: Path) -> str | None:
    """The format that a file name states, compression left out; None when not supported."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), None)


def read(path: Path, table: Table) -> Reading:
    """Open `path` under the contract of `table`. Raises `RejectedFile`, also while iterating."""
    kind = format_of(path)
    if kind is None:
        raise RejectedFile(
            "F_FORMAT",
            f"{path.name} is of no supported format",
            f"export as one of {', '.join(FORMATS)} (.csv and .jsonl also .gz or .zst)",
        )
    if path.stat().st_size == 0:
        raise RejectedFile("F_EMPTY", "the file has no bytes", "export it again")
    if kind == ".csv":
        return _read_csv(path, table)
    records: Iterator[dict[str, Any] | None]
    if kind == ".jsonl":
        records = _json_records(path)
    elif kind == ".parquet":
        records = _parquet_records(path)
    else:
        records = _xlsx_records(path)
    return _read_records(records, table)


def _match_header(header: list[str], table: Table) -> tuple[dict[int, str], dict[int, str]]:
    """Positions of contract columns and of columns that the contract does not know."""
    seen: dict[str, str] = {}
    known: dict[int, str] = {}
    new: dict[int, str] = {}
    for position, text in enumerate(header):
        name = normalise_header(text)
        column = table.header_names.get(name)
        target = column or name
        if target in seen:
            code = "F_HEADER_DUPLICATE" if seen[target] == text else "F_HEADER_COLLISION"
            raise RejectedFile(
                code,
                f"headers {seen[target]!r} and {text!r} both mean column {target}",
                "keep one of them, or rename one",
                target,
            )
        seen[target] = text
        if column:
            known[position] = column
        else:
            new[position] = name or f"column_{position + 1}"
    found = set(known.values())
    if missing := [name for name in table.required if name not in found]:
        raise RejectedFile(
            "F_HEADER_MISSING_REQUIRED",
            f"required column {', '.join(missing)} is missing (found: {', '.join(header)[:300]})",
            f"export {table.label} with column {', '.join(missing)}, or add an alias to its "
            f"contract in dbt_project/models/staging/{table.source}/_{table.source}__sources.yml",
            missing[0],
        )
    return known, new


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
                f"the compressed file is cut off or damaged ({error})",
                "copy or export the file again; compare its size with the source",
            ) from error


def _encoding_of(path: Path) -> str:
    """Byte order mark, else strict UTF-8, else strict CP932; otherwise the file is refused."""
    with _decompressed(path) as stream:
        start = stream.read(4)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8", "cp932"):
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            with _decompressed(path) as stream:
                while chunk := stream.read(1 << 20):
                    decoder.decode(chunk)
            decoder.decode(b"", final=True)
            return encoding
        except UnicodeDecodeError as error:
            failure = error
    raise RejectedFile(
        "F_ENCODING",
        f"the text is neither UTF-8, UTF-16 with a byte order mark nor CP932 ({failure.reason})",
        "export it again as UTF-8",
    )


def _read_csv(path: Path, table: Table) -> Reading:
    encoding = _encoding_of(path)
    with _decompressed(path) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline="")
        first = text.readline()
    candidates = {
        delimiter: next(csv.reader([first], delimiter=delimiter), [])
        for delimiter in (",", ";", "\t")
    }
    delimiter, header = max(
        candidates.items(),
        key=lambda item: sum(normalise_header(name) in table.header_names for name in item[1]),
    )
    if len(table.required) > 1 and max(len(names) for names in candidates.values()) == 1:
        raise RejectedFile(
            "F_DELIMITER_COLLAPSED",
            f"the header line is one single column ({first.strip()[:120]!r})",
            "export with a comma, semicolon or tab between columns",
        )
    known, new = _match_header(header, table)
    positions = {column: position for position, column in known.items()}

    def rows() -> Iterator[Row]:
        with _decompressed(path) as stream:
            text = io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline="")
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            number = 0
            try:
                next(reader)
                for cells in reader:
                    if not cells:
                        continue  # an empty line is no row
                    number += 1
                    reason = None
                    if len(cells) < len(header):
                        reason = "R_STRUCTURE_MISSING_COLS"
                        cells += [""] * (len(header) - len(cells))
                    elif len(cells) > len(header):
                        reason = "R_STRUCTURE_EXTRA_COLS"
                    yield Row(
                        number,
                        [
                            cells[positions[column.name]] if column.name in positions else None
                            for column in table.columns
                        ],
                        {name: cells[place] for place, name in new.items() if cells[place]},
                        reason,
                    )
            except csv.Error as error:
                raise RejectedFile(
                    "F_UNTERMINATED_QUOTE",
                    f"after row {number} (line {reader.line_num}) the quoting breaks: {error}",
                    "export again; double every quote inside a quoted field",
                ) from error

    return Reading(list(known.values()), list(new.values()), rows())


# ---- Records (JSONL, Parquet, Excel) -------------------------------------------------------------


def _read_records(records: Iterator[dict[str, Any] | None], table: Table) -> Reading:
    """
    Rows of a format that names its columns record by record.

    The columns are those of the first `BATCH_ROWS` records; a later record may bring new ones.
    """
    head: list[dict[str, Any] | None] = []
    header: dict[str, None] = {}
    for record in records:
        head.append(record)
        header.update(dict.fromkeys(record or {}))
        if len(head) >= BATCH_ROWS:
            break
    if not head:
        raise RejectedFile("F_EMPTY", "the file has no rows", "export it again")
    known, new = _match_header(list(header), table)

    def rows() -> Iterator[Row]:
        for number, record in enumerate(_chain(head, records), start=1):
            if record is None:
                yield Row(number, [None] * len(table.columns), {}, "R_JSON_INVALID")
                continue
            named: dict[str, str | None] = {}
            extra: dict[str, str] = {}
            reason = None
            for text, value in record.items():
                column = table.header_names.get(normalise_header(text))
                if column is None:
                    if value is not None:
                        extra[normalise_header(text)] = _text(value) or ""
                elif column in named:
                    reason = "R_STRUCTURE_EXTRA_COLS"
                else:
                    named[column] = _text(value)
            yield Row(number, [named.get(c.name) for c in table.columns], extra, reason)

    return Reading(list(known.values()), list(new.values()), rows())


def _chain(head: list[Any], rest: Iterator[Any]) -> Iterator[Any]:
    yield from head
    yield from rest


def _text(value: Any) -> str | None:
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


def _json_records(path: Path) -> Iterator[dict[str, Any] | None]:
    encoding = _encoding_of(path)
    with _decompressed(path) as stream:
        for line in io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline="\n"):
            if not line.strip():
                continue
            try:
                # Numbers stay the text that was written: no float ever touches an amount.
                record = json.loads(line, parse_float=str, parse_int=str)
            except ValueError:
                record = None
            yield record if isinstance(record, dict) else None


def _parquet_records(path: Path) -> Iterator[dict[str, Any] | None]:
    connection = duckdb.connect(config={"python_enable_replacements": "false"})
    try:
        connection.execute("set TimeZone = 'UTC'")
        described = connection.execute(
            "describe select * from read_parquet(?)", [str(path)]
        ).fetchall()
        nested = {row[0] for row in described if row[1].endswith("]") or "(" in row[1]} - {
            row[0] for row in described if row[1].startswith("DECIMAL")
        }
        names = [row[0] for row in described]
        expressions = [
            f"to_json({_quoted(name)})::varchar" if name in nested else f"{_quoted(name)}::varchar"
            for name in names
        ]
        cursor = connection.execute(
            f"select {', '.join(expressions)} from read_parquet(?)", [str(path)]
        )
        while rows := cursor.fetchmany(BATCH_ROWS):
            for row in rows:
                yield dict(zip(names, row, strict=True))
    except duckdb.Error as error:
        raise RejectedFile(
            "F_TRUNCATED", f"not a whole Parquet file ({error})", "export the file again"
        ) from error
    finally:
        connection.close()


def _xlsx_records(path: Path) -> Iterator[dict[str, Any] | None]:
    import openpyxl  # slow to import and needed for Excel only

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise RejectedFile(
            "F_TRUNCATED", f"not a readable Excel workbook ({error})", "save it again as .xlsx"
        ) from error
    rows = book.worksheets[0].iter_rows(values_only=True)
    header = [str(cell) if cell is not None else "" for cell in next(rows, ())]
    while header and not header[-1]:
        header.pop()
    for repeated in {name for name in header if header.count(name) > 1}:
        raise RejectedFile(
            "F_HEADER_DUPLICATE",
            f"header {repeated!r} stands more than once",
            "keep one of them, or rename one",
            repeated,
        )
    for cells in rows:
        if any(cell is not None for cell in cells):
            yield dict(zip(header, cells, strict=False))
    book.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
