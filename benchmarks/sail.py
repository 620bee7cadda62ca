"""
What of the translated models Sail runs, another engine behind Spark Connect, and whether alike.

`python -m benchmarks.sail HOME` in an environment of its own with `pysail`, `pyspark-client` and
`duckdb`, on a home that `engines.spark build` built in full. Each model's statement, as it ran on
Spark, runs on the tables that Spark made; what comes of it is compared with Spark's own, row for
row. So one refusal hides no other. Prints what is refused and what differs.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
}
STATEMENT = re.compile(r"^\s*create\b.*?\bas\b\s", re.DOTALL | re.IGNORECASE)


def statements(spark: Path) -> dict[str, str]:
    """The statements of all SQL models by `schema.table`, views first, in their order."""
    manifest = json.loads((spark / "dbt" / "manifest.json").read_text("utf-8"))
    nodes = {
        name: node
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["language"] == "sql"
    }
    found: dict[str, str] = {}

    def add(name: str) -> None:
        node = nodes.get(name)
        if node is None or f"{node['schema']}.{node['alias']}" in found:
            return
        for parent in node["depends_on"]["nodes"]:
            add(parent)
        run = spark / "dbt" / "run" / "journey" / node["original_file_path"]
        found[f"{node['schema']}.{node['alias']}"] = STATEMENT.sub("", run.read_text("utf-8"), 1)

    for name in nodes:
        add(name)
    return found


def register(session: Any, spark: Path) -> None:
    """Tables of all that Spark read and made."""
    for table in sorted([*spark.glob("inputs/*/*"), *spark.glob("tables/*/*")]):
        if table.is_dir() and any(table.rglob("*.parquet")):
            schema = table.parent.name.removesuffix(".db")
            session.sql(f"create database if not exists {schema}")
            session.sql(f"create table {schema}.{table.name} using parquet location '{table}'")


def is_equal(ours: Path, theirs: Path) -> bool:
    """Whether the Parquet files of two folders hold the same rows."""
    left, right = (f"from read_parquet('{path}/**/*.parquet')" for path in (ours, theirs))
    if not any(ours.rglob("*.parquet")):  # Sail writes no file of no rows
        return duckdb.execute(f"select 1 {right} limit 1").fetchall() == []
    columns = [r[0] for r in duckdb.execute(f"describe select * {right}").fetchall()]
    chosen = "select " + ", ".join(f'"{column}"' for column in columns)
    pairs = [(left, right), (right, left)]
    return not any(
        duckdb.execute(f"({chosen} {a}) except all ({chosen} {b}) limit 1").fetchall()
        for a, b in pairs
    )


def main() -> None:
    """Command line."""
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    spark: Path = parser.parse_args().home.resolve() / "spark"
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    session: Any = SparkSession.builder.remote(
        f"sc://127.0.0.1:{server.listening_address[1]}"
    ).getOrCreate()
    for key, value in MEANING.items():
        session.conf.set(key, value)
    register(session, spark)
    outcomes: Counter[str] = Counter()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for name, sql in statements(spark).items():
            schema, table = name.split(".")
            theirs = spark / "tables" / f"{schema}.db" / table
            made = Path(folder) / name
            session.sql(f"create database if not exists {schema}")
            try:
                if theirs.exists():
                    session.sql(sql).write.parquet(str(made))
                    outcome = "equal" if is_equal(made, theirs) else "differs"
                else:
                    session.sql(f"create or replace view {name} as {sql}")
                    outcome = "view"
            except Exception as error:
                outcome = "refused"
                print(f"refused: {name}: {' '.join(str(error).split())[:300]}")
            if outcome == "differs":
                print(f"differs: {name}")
            outcomes[outcome] += 1
    print(f"{dict(outcomes)} in {time.monotonic() - started:.0f} s")
    session.stop()
    server.stop()


if __name__ == "__main__":
    main()
