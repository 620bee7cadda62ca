"""The Spark session that the models need: settings without which they would mean something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# What the models rest on, on any cluster.
MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.sources.default": "parquet",
    # The scale of a product of decimals is the sum of theirs, as DuckDB's.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
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
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}",
        "spark.local.dir": str(folder / "tmp"),
        "spark.sql.shuffle.partitions": str(cores),
        "spark.sql.warehouse.dir": str(folder / "tables"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # The catalog is one of a file; on a cluster it is the cluster's.
        "spark.hadoop.javax.jdo.option.ConnectionURL": (
            f"jdbc:derby:;databaseName={folder / 'catalog'};create=true"
        ),
        "spark.hadoop.datanucleus.schema.autoCreateAll": "true",
        "spark.hadoop.hive.metastore.schema.verification": "false",
    }


def connect(settings: dict[str, str]) -> Any:
    """The session with these settings; one that runs already is taken as it is."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("journey").enableHiveSupport()
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def columns(session: Any, schema: str, table: str) -> dict[str, str]:
    """Columns of a relation in order, with their types."""
    fields = session.table(f"`{schema}`.`{table}`").schema.fields
    return {field.name: field.dataType.simpleString() for field in fields}
