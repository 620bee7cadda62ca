"""Each statement that a rule was made for says on Spark what it says on DuckDB."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from engines.spark.translation import translate
from tests.spark.statements import IDS, PROVEN, text


@pytest.mark.parametrize("statement", PROVEN, ids=IDS)
def test_a_statement_says_the_same_on_spark(statement: dict[str, Any], spark: Any) -> None:
    rows = spark.sql(translate(statement["sql"], lambda schema, table: {})).collect()
    assert text(rows) == statement["rows"]
    assert not any(isinstance(v, datetime.datetime) and v.tzinfo for row in rows for v in row)
