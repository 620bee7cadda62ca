"""
Read one landing file as text rows, column by column of its contract.

Promises: columns are matched by name, never by position; a malformed row never changes its
neighbours; memory is bounded by the batch, not by the file. Refuses the whole file (`RejectedFile`)
when it cannot be read faithfully; never guesses an encoding and never replaces characters. Whatever
else goes wrong while a file is read, in a library or on the disk, refuses that file only. Messages
repeat nothing of what stands in a file, but for names of the contract: anything may stand there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from orchestration.loading.contract import Table
from orchestration.loading.reading.delimited import DELIMITERS, plain_csv, read_csv
from orchestration.loading.reading.files import (
    FORMATS,
    RejectedFile,
    changed,
    file_id,
    files_below,
    format_of,
    refusing,
    reject_for,
    shown,
    stamp,
)
from orchestration.loading.reading.parquet import parquet_relation, read_parquet
from orchestration.loading.reading.records import (
    CELL_ERROR,
    json_records,
    json_texts,
    read_records,
    text_of,
)
from orchestration.loading.reading.rows import BATCH_ROWS, Opened, Row, table_of_rows, tables_of
from orchestration.loading.reading.workbook import sheet_rows, xlsx_records

__all__ = [
    "BATCH_ROWS", "CELL_ERROR", "DELIMITERS", "FORMATS", "Opened", "RejectedFile", "Row", "changed",
    "file_id", "files_below", "format_of", "json_texts", "parquet_relation", "plain_csv", "read",
    "refusing", "reject_for", "sheet_rows", "shown", "stamp", "table_of_rows",
    "tables_of", "text_of",
]  # fmt: skip


def read(path: Path, table: Table) -> Opened:
    """Open `path` under the contract of `table`. Raises `RejectedFile`, also while iterating."""
    with refusing():
        opened = _open(path, table)

    def rows() -> Iterator[Row]:
        with refusing():
            yield from opened.rows()

    def blocks() -> Iterator[pa.Table]:
        assert opened.blocks
        with refusing():
            yield from opened.blocks()

    return replace(opened, rows=rows, blocks=opened.blocks and blocks)


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
        return read_csv(path, table)
    if kind == ".jsonl":
        return read_records(lambda: json_records(path), table)
    if kind == ".parquet":
        return read_parquet(path, table)
    return read_records(lambda: xlsx_records(path), table)
