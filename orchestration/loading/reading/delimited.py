"""CSV, comma, semicolon or tab between the cells."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from orchestration.loading import privacy
from orchestration.loading.contract import Table, normalise_header
from orchestration.loading.reading.files import RejectedFile
from orchestration.loading.reading.rows import (
    Opened,
    Row,
    match_header,
    path_literal,
    scan_of,
)
from orchestration.loading.reading.text import inspect, text_lines

csv.field_size_limit(16 * 1024 * 1024)


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


DELIMITERS = (",", ";", "\t")


def plain_csv(path: Path, delimiter: str | None = None) -> Iterator[tuple[int, list[str] | None]]:
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

    def rows() -> Iterator[Row]:
        with text_lines(path, found.encoding) as text:
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
    )
