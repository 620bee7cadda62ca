"""
Fingerprints of the candidate: what an audit checked, and whether two releases say the same.

Order-independent: each row becomes an MD5 of its columns' texts (with control characters, which no
loaded text holds, for separator and null), and a table's hash is the sum of its rows' halves. Equal
rows in any order, on any number of threads, give equal hashes. The sums are made by month of the
first date column, so that two releases tell in which months of a mart they differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from orchestration.base.release import SCHEMA

NO_MONTH = 0  # the part of rows without a date
# These say how and when the data arrived, not what it says about customers.
ARRIVAL_TABLES = ("load_quality", "release_info")


Comment = tuple[str, str | None, str]  # mart, column or None for the mart itself, text


@dataclass(frozen=True)
class TableHash:
    """Rows and content hash of one table, and hashes of its rows by month, where it has a date."""

    rows: int
    digest: str
    parts: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Fingerprint:
    """Of all marts and their comments (`value`), and of what describes customers."""

    value: str
    content_hash: str
    tables: dict[str, TableHash]


def table_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the marts in alphabetical order."""
    rows = connection.execute(
        "select table_name from duckdb_tables() where schema_name = ? "
        "and database_name = current_database() order by table_name",
        [SCHEMA],
    ).fetchall()
    return [row[0] for row in rows]


def hash_table(
    connection: duckdb.DuckDBPyConnection, relation: str, without: tuple[str, ...] = ()
) -> TableHash:
    """Hash one table, named with schema (and catalog where needed), some columns left out."""
    described = connection.execute(f"describe {relation}").fetchall()
    columns = [column for column in described if column[0] not in without]
    types = {column[0]: column[1] for column in columns}
    texts = ", ".join(f"coalesce({_text(*column)}, chr(30))" for column in types.items())
    month = part_of(types)
    sums = connection.execute(
        f"""
        select
            part,
            count(*),
            sum((row_hash >> 64)::hugeint)::varchar,
            sum((row_hash & 18446744073709551615)::hugeint)::varchar
        from (
            select md5_number(concat_ws(chr(31), {texts})) as row_hash, {month or "null"} as part
            from {relation}
        )
        group by part
        """
    ).fetchall()
    return table_hash(types, sums)


def part_of(types: Mapping[str, str]) -> str | None:
    """SQL: the month of a row's first date as 202608, null for none; None without a date column."""
    date = next((name for name, data_type in types.items() if data_type == "DATE"), None)
    return month_of(f'"{date}"') if date else None


def month_of(date: str) -> str:
    """SQL: the month of a date as 202608; numbers, which cost a tenth of texts."""
    return f"(year({date}) * 100 + month({date}))"


def _text(name: str, data_type: str) -> str:
    """A column's text. A zero is a zero: which sign it has depends on the engine."""
    return f'("{name}" + 0)::varchar' if data_type == "DOUBLE" else f'"{name}"::varchar'


def table_hash(columns: Mapping[str, str], sums: list[Any]) -> TableHash:
    """
    The hash of a table of these columns and types.

    `sums` holds a row per month (`part_of`): the month, and of its rows the number and the sums of
    the hashes' halves.
    """
    rows, high, low = (sum(int(row[place]) for row in sums) for place in (1, 2, 3))
    names = ",".join(f"{name} {data_type}" for name, data_type in columns.items())
    digest = hashlib.sha256(f"{names}|{rows}|{high}|{low}".encode()).hexdigest()
    parts = {
        str(part or NO_MONTH): hashlib.sha256("|".join(map(str, values)).encode()).hexdigest()[:16]
        for part, *values in sums
        if part_of(columns)
    }
    return TableHash(rows, digest, parts)


def fingerprint(connection: duckdb.DuckDBPyConnection) -> Fingerprint:
    """Fingerprint of the marts in the connection's database."""
    connection.execute("set TimeZone = 'UTC'")
    tables = {
        name: hash_table(connection, f'{SCHEMA}."{name}"') for name in table_names(connection)
    }
    return of_tables(tables, comments(connection))


def of_tables(tables: dict[str, TableHash], comments: list[Comment]) -> Fingerprint:
    """The fingerprint of marts by name, in alphabetical order, with their comments, in order."""

    def combined(names: list[str]) -> str:
        text = "\n".join(f"{name} {tables[name].digest}" for name in names)
        return hashlib.sha256(text.encode()).hexdigest()

    content = [name for name in tables if name not in ARRIVAL_TABLES]
    said = json.dumps(comments, ensure_ascii=False)
    value = hashlib.sha256(f"{combined(list(tables))} {said}".encode())
    return Fingerprint(value.hexdigest(), combined(content), tables)


def comments(connection: duckdb.DuckDBPyConnection) -> list[Comment]:
    """The comments on the marts and their columns, which are published with them."""
    return connection.execute(
        "select table_name, null, comment from duckdb_tables() "
        "where schema_name = $1 and database_name = current_database() and comment is not null "
        "union all select table_name, column_name, comment from duckdb_columns() "
        "where schema_name = $1 and database_name = current_database() and comment is not null "
        "order by all",
        [SCHEMA],
    ).fetchall()
