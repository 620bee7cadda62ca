"""Workbooks of Excel."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from itertools import repeat, zip_longest
from pathlib import Path
from typing import Any

from orchestration.loading import privacy
from orchestration.loading.reading.files import RejectedFile
from orchestration.loading.reading.records import CELL_ERROR, Record, text_of

# What a workbook may unpack to, in bytes: so much in all, and so many times its own size.
MAXIMUM_WORKBOOK, MAXIMUM_RATIO, SMALL_WORKBOOK = 2 << 30, 200, 100 << 20
MAXIMUM_SHEET_ROWS = 1_048_576  # of Excel itself


def xlsx_records(path: Path) -> Iterator[Record]:
    """Records of a workbook's first visible sheet, named by its first row that is not empty."""
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
