"""
What the models read, handed over to Spark: raw tables, ledger and rules, as Parquet.

The loader stays where it is: files are read, hashed and quarantined once, on DuckDB. A raw table is
a folder with one folder per load in it; the ledger stands as a full build finds it. On the other
side the rows of each load are counted again, against the ledger.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb

from engines.spark.session import INPUTS
from orchestration.base import sealed
from orchestration.building import builds
from orchestration.gate.audits import Check
from orchestration.loading import ledger

RECORD = "inputs.json"
# The ledger's tables that models read, as a full build finds them.
_LEDGER = {
    "files": "select * exclude (journaled) replace (false as is_built) from ops.files",
    "quarantined_rows": "from ops.quarantined_rows",
    "drift_findings": "from ops.drift_findings",
    "rules": "from ops.rules",
    "builds": "from ops.builds where false",
    "removed_events": "from ops.removed_events where false",
    "list_entries": "from ops.list_entries",
}


def export(connection: duckdb.DuckDBPyConnection, folder: Path, as_of_at: str | None) -> None:
    """
    Write the inputs below a folder, whole or not at all, in the place of the last.

    `as_of_at` is by default the instant of the warehouse's last complete build, so that both
    engines can say the same.
    """
    build = builds.last_complete(connection)
    new, old = folder / f"{INPUTS}.new", folder / f"{INPUTS}.old"
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    for schema, table in connection.execute(
        "select schema_name, table_name from duckdb_tables() "
        "where starts_with(schema_name, 'raw_') or schema_name = 'rules' order by all"
    ).fetchall():
        target = new / schema / table
        if schema == "rules":
            _copy(connection, f'from rules."{table}"', target)
        else:
            # In the table's order and with its row numbers, which are the events' own order.
            rows = f'select rowid, * from {schema}."{table}" order by rowid'
            _copy(connection, rows, target, by_load=True)
    for table, rows in _LEDGER.items():
        _copy(connection, rows, new / "ops" / table)
    record = {
        "as_of_at": as_of_at or (build.as_of_at if build else None),
        "load_state": ledger.load_state(connection),
        "content_hash": build.content_hash if build else None,
    }
    sealed.write(new / RECORD, record)
    if (folder / INPUTS).exists():
        (folder / INPUTS).rename(old)
    new.rename(folder / INPUTS)
    shutil.rmtree(old, ignore_errors=True)


def _copy(
    connection: duckdb.DuckDBPyConnection, rows: str, target: Path, by_load: bool = False
) -> None:
    target.mkdir(parents=True)
    options = "format parquet, compression zstd"
    if by_load and connection.execute(f"select count(*) from ({rows})").fetchone() != (0,):
        options += ", partition_by (_file_id), write_partition_columns true"
        connection.execute(f"copy ({rows}) to '{target}' ({options}, overwrite_or_ignore true)")
    else:
        connection.execute(f"copy ({rows}) to '{target}/part.parquet' ({options})")


def record(folder: Path) -> dict[str, Any] | None:
    """What was said of the inputs when they were written; None without any."""
    return sealed.read(folder / INPUTS / RECORD)


def conservation(session: Any, folder: Path) -> Check:
    """Every load has on this side the rows that the ledger says it loaded."""
    tables = [path for path in sorted((folder / INPUTS).glob("raw_*/*")) if path.is_dir()]
    counts = " union all ".join(
        f"select '{path.parent.name}' as raw_schema, '{path.name}' as table_name, _file_id, "
        f"count(*) as held from {path.parent.name}.`{path.name}` group by _file_id"
        for path in tables
    )
    lost = session.sql(
        f"""
        with held as ({counts}),
        said as (select * from ops.files where status = 'loaded')
        select coalesce(said.file_name, held._file_id), said.rows_loaded, held.held
        from said
        full outer join held on said.file_id = held._file_id
            and held.raw_schema = concat('raw_', said.source) and held.table_name = said.table_name
        where coalesce(said.rows_loaded, 0) != coalesce(held.held, 0)
        order by 1
        """
    ).collect()
    message = "; ".join(f"{name}: {said} rows loaded, {held} on Spark" for name, said, held in lost)
    return Check("inputs", "rows are conserved on Spark", "fail" if lost else "pass", message[:400])
