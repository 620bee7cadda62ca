"""The Spark session that the models need: settings without which they would mean something else."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pyarrow import parquet

INPUTS, TABLES, VIEWS = "inputs", "tables", "views"  # folders of a session of one machine
_opened: dict[Path, Any] = {}
_opening = threading.Lock()

# What the models rest on, on any cluster.
MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.sources.default": "parquet",
    # The scale of a product of decimals is the sum of theirs, as DuckDB's.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.cteRecursionRowLimit": "-1",
    # Spark 4.3.0: this rule breaks some plans (PLAN_VALIDATION_FAILED_RULE_IN_BATCH).
    "spark.sql.optimizer.excludedRules": (
        "org.apache.spark.sql.catalyst.optimizer.RemoveRedundantAliases"
    ),
}


def on_one_machine(folder: Path, cores: int = 2, memory: str = "4g") -> dict[str, str]:
    """Settings of a session in this process, with its tables and its catalog in a folder."""
    return {
        **MEANING,
        "spark.master": f"local[{cores}]",
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(folder / "tmp"),
        "spark.sql.shuffle.partitions": str(cores),
        # There is little to adapt on a few cores, and Spark 4.3.0 fails on some unions in `in`.
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.catalogImplementation": "in-memory",  # see `open_folder`
        "spark.sql.warehouse.dir": str(folder / TABLES),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def open_folder(folder: Path, cores: int = 2, memory: str = "4g") -> Any:
    """
    The session of one machine on a folder, which is its catalog: each folder of a table is one.

    A process has one; who asks again gets the same.
    """
    with _opening:  # dbt's threads come all at once
        if folder not in _opened:
            _opened[folder] = _open(folder, cores, memory)
        return _opened[folder]


def _open(folder: Path, cores: int, memory: str) -> Any:
    from pyspark.errors import AnalysisException

    opened = connect(on_one_machine(folder, cores, memory))
    register(opened, folder.glob(f"{INPUTS}/*/*"))
    register(opened, folder.glob(f"{TABLES}/*/*"))
    views = {path.stem: path.read_text("utf-8") for path in folder.glob(f"{VIEWS}/*.sql")}
    reads = {
        name: {o for o in views if o != name and re.search(rf"\b{re.escape(o)}\b", text)}
        for name, text in views.items()
    }
    for name in TopologicalSorter(reads).static_order():
        opened.sql(f"create schema if not exists {name.split('.')[0]}")
        try:
            opened.sql(f"create or replace view {name} as {views[name]}")
        except AnalysisException:  # of inputs that are other ones now: dbt makes it anew
            Path(folder, VIEWS, f"{name}.sql").unlink()
    return opened


def connect(settings: dict[str, str]) -> Any:
    """A session with these settings."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # for the workers of one machine
    builder = SparkSession.builder.appName("journey")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    # Who asks for a table that is not there handles the answer; its stack trace says nothing more.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    return session


def register(session: Any, tables: Iterable[Path]) -> None:
    """Make tables of folders `<schema>/<table>` of Parquet files, which stay where they are."""
    from pyspark.sql.pandas.types import from_arrow_schema

    for table in sorted(tables):
        file = next(table.rglob("*.parquet"), None)
        if file is None:
            continue
        # The types of one file: to find them Spark would run a job per table.
        types = from_arrow_schema(parquet.read_schema(file), prefer_timestamp_ntz=True)
        schema = table.parent.name.removesuffix(".db")
        session.sql(f"create schema if not exists {schema}")
        session.sql(f"drop table if exists {schema}.`{table.name}`")
        session.catalog.createTable(
            f"{schema}.{table.name}",
            path=str(table.resolve()),
            source="parquet",
            schema=types,
            recursiveFileLookup="true",
        )
