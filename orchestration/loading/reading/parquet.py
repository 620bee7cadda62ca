"""Parquet, by DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from orchestration.loading.contract import Table
from orchestration.loading.reading.files import RejectedFile
from orchestration.loading.reading.rows import (
    BATCH_ROWS,
    Opened,
    Row,
    match_header,
    path_literal,
    scan_of,
)

_PRIVATE: dict[str, Any] = {
    "python_enable_replacements": "false"
}  # of a connection that only reads one file


def parquet_relation(path: Path, is_zone_declared: bool = False) -> tuple[str, list[str], int]:
    """
    SQL of a relation with exactly the columns of a Parquet file, their names, and its rows.

    Raises `RejectedFile` for types that DuckDB would read as something else, and for INT96 unless
    somebody declared the zone of such times, as an adapter does.
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
            if leaf.physical_type == "INT96" and not is_zone_declared:
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
    return f"read_parquet({path_literal(path)}, hive_partitioning = false)", names, rows


def read_parquet(path: Path, table: Table) -> Opened:
    """Rows of a Parquet file, and the scan that gives them."""
    relation, names, row_count = parquet_relation(path)
    if not row_count:
        raise RejectedFile("F_EMPTY", "the file has no rows", "export it again")
    matched = match_header(names, table)  # of two names that are one, DuckDB would change one
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

    scan = scan_of(
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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
