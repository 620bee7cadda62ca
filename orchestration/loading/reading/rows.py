"""What every format gives: rows under the columns of the contract, or a relation of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa

from orchestration.loading import privacy
from orchestration.loading.casting import quoted
from orchestration.loading.contract import Table, normalise_header
from orchestration.loading.reading.files import RejectedFile

BATCH_ROWS = 50_000


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
    `blocks`, where there are some, are the same rows, faster: tables as of `table_of`.
    """

    columns: list[str]  # of the contract, in the order of the file
    new_columns: dict[int, str]  # that the contract does not know, by their place in the file
    renamed: dict[str, str]  # contract column -> alias that the file uses
    rows: Callable[[], Iterator[Row]]
    scan: str | None = None
    has_control: bool = True
    lines: int | None = None  # physical lines of the file, where they are known beforehand
    row_count: int | None = None  # rows that `scan` has to give, where they are known beforehand
    blocks: Callable[[], Iterator[pa.Table]] | None = None


@dataclass
class _Header:
    """Positions of contract columns, of columns that the contract does not know, and aliases."""

    known: dict[int, str]
    new: dict[int, str]
    renamed: dict[str, str]


def match_header(header: list[str], table: Table) -> _Header:
    """Which column of a file is which of the contract. Raises `RejectedFile` where that is open."""
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
    missing = [
        column.name
        for column in table.columns
        if column.required and not found & {column.name, column.otherwise}
    ]
    if missing:
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


def table_of(
    table: Table,
    columns: dict[str, pa.Array | pa.ChunkedArray],
    extra: Sequence[dict[str, str]],
    reasons: Sequence[str | None],
    lines: Sequence[int],
) -> pa.Table:
    """Text rows as a table: the contract's columns, `_extra`, `_structure` and `_line`."""
    arrays = {
        column.name: columns.get(column.name, pa.nulls(len(lines), pa.string()))
        for column in table.columns
    }
    texts = [json.dumps(one, ensure_ascii=False) if one else None for one in extra]
    arrays["_extra"] = pa.array(texts, pa.string())
    arrays["_structure"] = pa.array(reasons, pa.string())
    arrays["_line"] = pa.array(lines, pa.int64())
    return pa.table(arrays)


def table_of_rows(table: Table, rows: Sequence[Row]) -> pa.Table:
    """Rows as a table."""
    return table_of(
        table,
        {
            column.name: pa.array([row.values[position] for row in rows], pa.string())
            for position, column in enumerate(table.columns)
        },
        [row.extra for row in rows],
        [row.structure_reason for row in rows],
        [row.line for row in rows],
    )


def tables_of(table: Table, opened: Opened) -> Iterator[pa.Table]:
    """All rows of a file as tables, one after the other, none much longer than `BATCH_ROWS`."""
    if opened.blocks:
        yield from opened.blocks()
        return
    rows = opened.rows()
    while batch := list(islice(rows, BATCH_ROWS)):
        yield table_of_rows(table, batch)


def scan_of(relation: str, table: Table, known: dict[str, str], new: dict[str, str]) -> str:
    """A relation's columns under the contract's names, all as text, new ones in `_extra`."""
    parts = [
        f'{known[column.name]} as "{column.name}"'
        if column.name in known
        else f'null::varchar as "{column.name}"'
        for column in table.columns
    ]
    extra = "null::varchar"
    if new:
        # Text by text: `json_object` takes the square of the number of its arguments.
        pairs = ", ".join(
            f"case when {expression} != '' then {quoted(json.dumps(name, ensure_ascii=False))} "
            f"|| ':' || to_json({expression})::varchar end"
            for name, expression in new.items()
        )
        extra = f"nullif('{{' || concat_ws(',', {pairs}) || '}}', '{{}}')"
    return (
        f"(select {', '.join(parts)}, {extra} as _extra, null::varchar as _structure "
        f"from {relation})"
    )


def path_literal(path: Path) -> str:
    """A path as SQL text that means exactly this file, also with glob characters in its name."""
    text = re.sub(r"([*?\[])", r"[\1]", str(path))
    return quoted(text)
