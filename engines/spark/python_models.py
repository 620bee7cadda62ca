"""
Python models on Spark: on the driver, on what SQL has reduced to a size that fits it.

They are the same files as on DuckDB. docs/spark.md says of each how large its input is, and when it
stops fitting.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa


class Relation:
    """What a model gets of a `ref`: its rows as DuckDB's Python interface gives them."""

    def __init__(self, spark: Any, name: str) -> None:
        """The relation of a name as dbt writes it."""
        self._spark, self._name = spark, name

    def df(self) -> pd.DataFrame:
        """All rows; decimals are doubles, days are timestamps."""
        frame: pd.DataFrame = self._arrow().to_pandas(date_as_object=False)
        return frame

    def fetchnumpy(self) -> dict[str, Any]:
        """All columns as arrays."""
        table = self._arrow()
        return {name: table.column(name).to_numpy() for name in table.column_names}

    def _arrow(self) -> pa.Table:
        table = self._spark.table(self._name).toArrow()
        for position, field in enumerate(table.schema):
            if pa.types.is_decimal(field.type):
                column = table.column(position).cast(pa.float64())
                table = table.set_column(position, field.name, column)
        return table


def run(spark: Any, compiled_code: str, relation: str) -> None:
    """Run a model as dbt compiled it, and write what it returns as a table."""
    space: dict[str, Any] = {}
    exec(compiled_code.strip(), space)
    given = space["dbtObj"](lambda name: Relation(spark, name.replace("`", "")))
    frame = space["model"](given, spark)
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    spark.createDataFrame(rows).write.format("parquet").mode("overwrite").saveAsTable(relation)
