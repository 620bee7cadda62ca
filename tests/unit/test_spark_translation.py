"""The translation to Spark, without Spark: what it takes, and what it refuses."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from engines.spark import queries
from engines.spark.proven import Unproven
from engines.spark.rules import RULES
from engines.spark.translation import spark_type, translate
from tests.spark.statements import IDS, PROVEN, REFUSED, text


def nothing(schema: str, table: str) -> dict[str, Any]:
    raise AssertionError(f"{schema}.{table} is read by no statement")


@pytest.mark.parametrize("statement", PROVEN, ids=IDS)
def test_a_statement_is_translated_and_says_on_duckdb_what_it_shall_say(
    statement: dict[str, Any],
) -> None:
    assert text(duckdb.sql(statement["sql"]).fetchall()) == statement["rows"]
    assert translate(statement["sql"], nothing)


def test_every_rule_has_a_statement_that_needs_it() -> None:
    rewrites = {
        name
        for name, function in vars(queries).items()
        if callable(function)
        and getattr(function, "__module__", "") == queries.__name__
        and not name.startswith("_")
    }
    assert {kind.__name__ for kind in RULES} | rewrites <= {s["rule"] for s in PROVEN}


@pytest.mark.parametrize("statement", REFUSED, ids=[s["names"] for s in REFUSED])
def test_what_no_rule_covers_is_refused_by_its_name(statement: dict[str, Any]) -> None:
    with pytest.raises(Unproven) as refusal:
        translate(statement["sql"], nothing)
    assert statement["names"] in str(refusal.value)


def test_a_contract_decides_the_types_and_refuses_other_columns() -> None:
    contract = {"a": "varchar", "b": "decimal(9, 2)"}
    made = translate("select 'x' as a, 1 as b", nothing, contract)
    assert made.startswith("select\ncast(a as string) as a,\ncast(b as decimal(9, 2)) as b\nfrom (")
    with pytest.raises(Unproven, match="other columns than the contract's"):
        translate("select 1 as b, 'x' as a", nothing, contract)


def test_types_of_contracts() -> None:
    names = {"timestamp": "timestamp_ntz", "varchar": "string", "integer": "int"}
    assert {name: spark_type(name) for name in names} == names
