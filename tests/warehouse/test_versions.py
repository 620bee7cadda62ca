"""A rule holds by its day: a new version changes what comes from that day on, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from orchestration.developing.compiled import Project
from orchestration.developing.proving import World
from orchestration.rules.tables import tables
from orchestration.settings import SAMPLE_DIR

DAY = "2026-04-15"  # of the second versions
AS_OF = "2026-09-30 15:00:00"
VERSIONED = sorted(name for name, table in tables().items() if table.version_of)

# What a second version says instead.
CHANGED = {
    "stages": "stage_rank = case stage when 'purchase' then 4 when 'use' then 5 when 'repeat' "
    "then 6 when 'advocacy' then 7 else stage_rank end where stage_model = 'six'",
    "stage_rules": "is_active = false where stage_rule_id = 'interest_in_person'",
    "stage_mappings": "stage = 'purchase' where stage_model = 'five' and canonical_stage = 'use'",
    "kpi_definitions": "numerator_measure = 'first_order' where kpi = 'conversions'",
    "kpi_targets": "target = 2 * target where true",
    "survey_questions": "metric = 'ces' where question_id = 'satisfaction'",
    "value_stage_rules": "value_stage = 'advocacy' where value_type = 'repeat'",
    "journey_maps": "map_version = map_version where true",
    "attribution_methods": "method_version = 2 where method = 'linear'",
    "action_programmes": "hold_out_rate = 0.5 where true",
    "actions": "cost_amount = 2 * cost_amount where true",
}
# Rows with their day, without keys made of columns that a version changes.
DATED = {
    "fct_stage_transitions": "occurred_at",
    "fct_stage_model_transitions": "occurred_at",
    "fct_revenue_points": "occurred_at",
    "fct_survey_scores": "responded_at",
    "kpi_daily": "kpi_date",
}


@pytest.fixture(scope="module")
def world(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The sample under its own rules, whose marts are kept in the schema `before`."""
    folder = tmp_path_factory.mktemp("sample")
    (folder / "landing").symlink_to(SAMPLE_DIR)
    with project.connect(threads=2) as connection:
        world = World(project, connection, folder)
        world.load()
        world.build(AS_OF)
        connection.execute("create schema before")
        for name in marts(world):
            connection.execute(f"create table before.{name} as from marts.{name}")
        yield world


@contextmanager
def versions(world: World, second: dict[str, str]) -> Iterator[World]:
    """The same in which each rule of the seeds `second` has another version."""
    connection = world.connection
    for name, change in second.items():
        connection.execute(f"create temp table first_{name} as from seeds.{name}")
        connection.execute(f"create table second as from seeds.{name} where valid_from < '{DAY}'")
        key = ", ".join(tables()[name].version_of)
        connection.execute(
            f"delete from second where (valid_from, {key}) not in "
            f"(select (max(valid_from), {key}) from second group by {key})"
        )
        connection.execute(f"update second set valid_from = '{DAY}'")
        connection.execute(f"update second set {change}")
        connection.execute(f"insert into seeds.{name} from second")
        connection.execute("drop table second")
    world.build(AS_OF, full=True)
    yield world
    for name in second:
        connection.execute(f"delete from seeds.{name}")
        connection.execute(f"insert into seeds.{name} from first_{name}")
        connection.execute(f"drop table first_{name}")


def marts(world: World) -> list[str]:
    return [m.name for m in world.project.models if m.relation.startswith('"marts"')]


def both(world: World, name: str, columns: str = "*", condition: str = "true") -> list[list[Any]]:
    """Rows of a mart now, and before."""
    return [
        world.connection.execute(
            f"select {columns} from {schema}.{name} where {condition} order by all"
        ).fetchall()
        for schema in ("marts", "before")
    ]


def assert_same(world: World, name: str, columns: str = "*") -> None:
    """The mart says what it said before; the rows are only fetched to show what differs."""
    differing = world.connection.execute(
        f"select count(*) from ((select {columns} from marts.{name} except all "
        f"select {columns} from before.{name}) union all (select {columns} from before.{name} "
        f"except all select {columns} from marts.{name}))"
    ).fetchone()
    if differing != (0,):
        found, expected = both(world, name, columns)
        assert found == expected, name


def test_runs_without_news_change_nothing(world: World) -> None:
    """Neither the next one, in another zone, nor a full one."""
    for full in (False, True):
        world.load()
        world.build(AS_OF, full=full, zone="Asia/Tokyo")
        for name in marts(world):
            assert_same(world, name)


def test_a_second_version_that_says_the_same_changes_nothing(world: World) -> None:
    same = {name: "valid_from = valid_from where true" for name in VERSIONED}
    same.pop("journey_maps")  # two versions of a map are two maps to be aligned with
    with versions(world, same):
        for name in marts(world):
            columns = [
                column for (column,) in world.connection.execute(
                    "select column_name from duckdb_columns() where schema_name = 'marts' "
                    "and table_name = ? and column_name != 'valid_from_date' order by column_index",
                    [name],
                ).fetchall()
            ]  # fmt: skip
            assert_same(world, name, ", ".join(columns))


def test_a_second_version_leaves_the_past(world: World) -> None:
    """Old days keep the old rule, in business days (the zone of the sample is Asia/Tokyo)."""
    assert set(CHANGED) == set(VERSIONED) - {"load_thresholds"}  # that one holds while loading
    start = f"timestamp '{DAY} 00:00:00' - interval 9 hours"
    with versions(world, CHANGED):
        for name, column in DATED.items():
            border = f"date '{DAY}'" if column.endswith("_date") else start
            found, expected = both(world, name, condition=f"{column} < {border}")
            assert expected and found == expected, name
            found, expected = both(world, name, condition=f"{column} >= {border}")
            assert found != expected, name
        keys = world.connection.execute(
            "select count(*) - count(distinct transition_id) from marts.fct_stage_transitions "
            "union all "
            "select count(*) - count(distinct survey_score_id) from marts.fct_survey_scores "
            "union all select count(*) - count(distinct kpi_value_id) from marts.kpi_daily "
            "union all select count(*) - count(distinct funnel_id) from marts.kpi_funnel_monthly"
        ).fetchall()
        assert keys == [(0,)] * 4
        # From the day on a first purchase after consideration leaves a rank out.
        found = world.connection.execute(
            "select distinct transition_type from marts.fct_stage_transitions where "
            f"from_stage = 'consideration' and to_stage = 'purchase' and occurred_at >= {start}"
        ).fetchall()
        assert found == [("skip",)]
        newest = world.connection.execute(
            "select stage_rank from marts.dim_stages where stage_model = 'six' and stage = 'use'"
        ).fetchone()
        assert newest == (5,)
