"""The test `integrity` names each broken rule with its subject and its rows, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.developing.compiled import Project

TABLES = """
    create table marts.dim_persons as select 'p1' as person_id;
    create table marts.fct_touchpoints as select 't1' as touchpoint_id;
    create table seeds.value_stages (value_stage varchar);
    insert into seeds.value_stages values ('retained');
    create table marts.fct_revenue_points as
    select 'r1' as revenue_point_id, 'payment' as point_type, 'retained' as value_stage,
        'JPY' as currency_code, 'JPY' as reporting_currency_code, 'first' as value_type,
        'p1' as person_id, 't1' as preceding_touchpoint_id, 10 as paid_amount,
        10 as paid_amount_reporting;
"""


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("delete from {table}", []),
        ("update {table} set person_id = null, preceding_touchpoint_id = null", []),
        ("insert into {table} from {table}", [("primary_key", "revenue_point_id", 1)]),
        ("update {table} set revenue_point_id = null", [("primary_key", "revenue_point_id", 1)]),
        (
            "insert into {table} select * replace ('r2' as revenue_point_id) from {table};"
            "update {table} set currency_code = null",
            [("not_null", "currency_code", 2)],
        ),
        ("update {table} set value_type = 'none'", [("accepted_values", "value_type", 1)]),
        ("update {table} set value_type = null", []),
        ("update {table} set person_id = 'p2'", [("references", "person_id", 1)]),
        (
            "update {table} set preceding_touchpoint_id = 't2'",
            [("references", "preceding_touchpoint_id", 1)],
        ),
        (
            "update {table} set paid_amount_reporting = null",
            [("expressions", "currency_code != reporting_currency_code or "
              "paid_amount = paid_amount_reporting", 1)],
        ),
    ],
)  # fmt: skip
def test_names_rule_subject_and_rows(
    project: Project, change: str, found: list[tuple[Any, ...]]
) -> None:
    (test,) = [test for test in project.tests if test.name == "integrity_fct_revenue_points"]
    with project.connect() as connection:
        connection.execute("drop table seeds.value_stages")
        connection.execute(TABLES)
        assert connection.execute(test.sql).fetchall() == []
        connection.execute(change.format(table="marts.fct_revenue_points"))
        assert connection.execute(test.sql).fetchall() == found
