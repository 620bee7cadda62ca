"""CSV, comma, semicolon or tab between the cells."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from orchestration.loading import privacy
from orchestration.loading.contract import Table, normalise_header
from orchestration.loading.reading.files import RejectedFile
from orchestration.loading.reading.rows import (
    Opened,
    Row,
    match_header,
    path_literal,
    scan_of,
    table_of,
    table_of_rows,
)
from orchestration.loading.reading.text import (
    MAXIMUM_LINE,
    inspect,
    long_line,
    text_lines,
    utf8_chunks,
)

BLOCK = 1 << 16  # bytes: as much as is read exactly, before other readers are trusted again
CHUNK = 1 << 23  # bytes: shorter than a cell may be
WINDOW = 1 << 20  # bytes that are matched at once, each taking 25 of memory
csv.field_size_limit(16 * 1024 * 1024)
_LINE_END = re.compile(rb"\r\n?|\n")

Record = tuple[int, list[str] | None]  # a line, and the cells of the record that begins in it


def csv_records(lines: Iterator[str], delimiter: str) -> Iterator[Record]:
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


def csv_blocks(
    path: Path, encoding: str, delimiter: str, columns: int
) -> Iterator[tuple[int, bytes | list[Record]]]:
    """
    A CSV text in blocks, with the line each begins in: the records of `csv_records` but the header.

    Of all but the neighbourhood of broken, empty and otherwise doubtful lines a block is UTF-8
    bytes: lines that are, by any reader's rules, each one record of so many cells.
    """
    sign = re.escape(delimiter.encode())
    # Python before 3.11.5 repeats a possessive group by half of what does not match: none here.
    cell = rb'(?:"(?:[^"\r\n]++|"")*"|[^"\r\n%b]*+)' % sign
    # Arrow would leave out a byte order mark.
    record = rb"(?!\xef\xbb\xbf)%b(?:%b%b){%d}\r?\n" % (cell, sign, cell, columns - 1)
    clear = re.compile(rb"(?:%b)*" % record)
    chunks = utf8_chunks(path, encoding, CHUNK)
    data, at, line = b"", 0, 1  # of what was read, a record begins `at` here

    def read_on() -> bool:
        nonlocal data
        chunk = next(chunks, b"")
        data += chunk
        return bool(chunk)

    def lines(starts: list[int]) -> Iterator[str]:
        while True:
            start = starts[-1]
            end = _LINE_END.search(data, start)
            if end is None and len(data) - start >= 4 * MAXIMUM_LINE:
                raise long_line()
            # What ends in a carriage return may go on with a line feed.
            if (end is None or end.end() == len(data)) and read_on():
                continue
            if start == len(data):
                return
            starts.append(end.end() if end else len(data))
            text = data[start : starts[-1]].decode()
            if len(text) >= MAXIMUM_LINE:
                raise long_line()
            yield text

    while True:
        if len(data) - at < BLOCK:
            data, at = data[at:], 0
            while len(data) < BLOCK and read_on():
                pass
            if not data:
                return
        end = at
        if line > 1 and (found := clear.match(data, at, at + WINDOW)):
            end = found.end()
        if end - at >= BLOCK:
            yield line, data[at:end]
            line += data.count(b"\n", at, end)
            at = end
            continue
        starts, records = [at], []
        for number, cells in csv_records(lines(starts), delimiter):
            if starts[number - 1] - at >= BLOCK:
                break
            records.append((line + number - 1, cells))
        else:
            number = len(starts)
        yield line, records[line == 1 :]
        at, line = starts[number - 1], line + number - 1


DELIMITERS = (",", ";", "\t")


def plain_csv(path: Path, delimiter: str | None = None) -> Iterator[Record]:
    """
    Records of any CSV file, header included, with their line; None where quoting breaks.

    Unless one is given, the delimiter is the one that the first line has most of.
    """
    encoding = inspect(path).encoding
    with text_lines(path, encoding) as lines:
        first = next(lines, "")
    with text_lines(path, encoding) as lines:
        yield from csv_records(lines, delimiter or max(DELIMITERS, key=first.count))


def _csv_header(path: Path, encoding: str, table: Table) -> tuple[str, list[str], int]:
    """Delimiter, header cells and the number of lines that they take."""
    best: tuple[int, str, list[str], int] | None = None
    for delimiter in DELIMITERS:
        with text_lines(path, encoding) as text:
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


def read_csv(path: Path, table: Table) -> Opened:
    """Rows of a CSV file; also as a scan, where DuckDB reads every byte of it as `rows` does."""
    found = inspect(path)
    delimiter, header, header_lines = _csv_header(path, found.encoding, table)
    matched = match_header(header, table)
    positions = {column: position for position, column in matched.known.items()}

    def rows_of(records: Iterable[Record], number: int = 0) -> Iterator[Row]:
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

    def rows() -> Iterator[Row]:
        with text_lines(path, found.encoding) as text:
            records = csv_records(text, delimiter)
            next(records)
            yield from rows_of(records)

    names = {position: f"c{position}" for position in range(len(header))}

    def clear_rows(line: int, text: bytes) -> pa.Table:
        cells = arrow_csv.read_csv(
            pa.BufferReader(text),
            arrow_csv.ReadOptions(
                use_threads=False, block_size=len(text), column_names=list(names.values())
            ),
            arrow_csv.ParseOptions(delimiter=delimiter),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names.values(), pa.string())),
        )
        lines = range(line, line + len(cells))
        extra: list[dict[str, str]] = [{}] * len(cells)
        if matched.new:
            new = [cells[names[place]].to_pylist() for place in matched.new]
            extra = [
                {name: text for name, text in zip(matched.new.values(), texts, strict=True) if text}
                for texts in zip(*new, strict=True)
            ]
        known = {column: cells[names[place]] for column, place in positions.items()}
        return table_of(table, known, extra, [None] * len(cells), lines)

    def blocks() -> Iterator[pa.Table]:
        number = 0
        for line, block in csv_blocks(path, found.encoding, delimiter, len(header)):
            if isinstance(block, bytes):
                rows = clear_rows(line, block)
            else:
                rows = table_of_rows(table, list(rows_of(block, number)))
            number += len(rows)
            yield rows

    scan = None
    if found.is_plain and header_lines == 1 and len(header) > 1:
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names.values())
        sign = "\\t" if delimiter == "\t" else delimiter
        scan = scan_of(
            f"read_csv({path_literal(path)}, auto_detect = false, header = true, "
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
        blocks if len(header) > 1 else None,
    )
