"""Rules in the warehouse: `rules.<table>`, from which dbt makes its seeds, and `ops.rules`."""

from __future__ import annotations

import hashlib
import json

import duckdb
import pyarrow as pa

from orchestration.base.database import transaction
from orchestration.rules.tables import OPTIONS, Rules, default_options, tables


def apply(connection: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Write the rules into the warehouse, unless they are there: `rules.<table>`, `ops.rules`."""
    if _applied(connection) == rules.digest:
        return
    with transaction(connection):
        connection.execute("drop schema if exists rules cascade")
        connection.execute("create schema rules")
        for name, rule_set in rules.sets.items():
            types = rule_set.table.columns
            rows = {column: [row[column] for row in rule_set.rows] for column in types}
            connection.register(
                "rule_rows", pa.table(rows, pa.schema([(column, pa.string()) for column in types]))
            )
            casts = ", ".join(
                f'"{column}"::{data_type} as "{column}"' for column, data_type in types.items()
            )
            connection.execute(f'create table rules."{name}" as select {casts} from rule_rows')
            connection.unregister("rule_rows")
        connection.execute("create schema if not exists ops")
        connection.execute(
            "create or replace table ops.rules (rule_table varchar, origin varchar, "
            "file_name varchar, row_count integer, own_row_count integer, content_hash varchar, "
            "digest varchar)"
        )
        options = json.dumps(rules.options, sort_keys=True)
        connection.executemany(
            "insert into ops.rules values (?, ?, ?, ?, ?, ?, ?)",
            [
                [name, one.origin, one.file_name, len(one.rows), one.own_row_count,
                 one.content_hash, rules.digest]
                for name, one in rules.sets.items()
            ] + [
                [OPTIONS, "extended" if rules.options else "default",
                 f"rules/{OPTIONS}.yml" if rules.options else None,
                 len(default_options()), len(rules.options),
                 hashlib.sha256(options.encode()).hexdigest(), rules.digest]
            ],
        )  # fmt: skip


def _applied(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The digest of the rules that are in the warehouse."""
    found = connection.execute(
        "select count(*) from duckdb_tables() where database_name = current_database() "
        "and (schema_name = 'rules' or schema_name = 'ops' and table_name = 'rules')"
    ).fetchone()
    if found != (len(tables()) + 1,):
        return None
    row = connection.execute("select max(digest) from ops.rules").fetchone()
    return str(row[0]) if row else None
