"""The story happy_week: marts equal the golden CSVs, and nothing but the data decides them."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from orchestration.developing import proving
from orchestration.developing.compiled import Project
from orchestration.developing.proving import World
from orchestration.loading.contract import load_contract
from orchestration.rules import home as home_rules
from orchestration.rules.tables import OPTIONS, tables
from tests.conftest import PEPPER, ROOT, STORIES, read_release

AS_OF = "2026-01-07 15:00:00"
GOLDEN = ROOT / "tests" / "fixtures" / "golden" / "happy_week"
WHO = """
    select
        person_id,
        coalesce(
            max(case when identifier_type = 'contact' then identifier_value end),
            max(identifier_value)
        ) as who
    from marts.dim_person_identifiers
    group by person_id
"""
QUERIES = {
    "sessions": """
        select who, visitor_id, channel, last_non_direct_channel, traffic_source, event_count,
            session_seconds, is_engaged, session_date, started_at
        from marts.fct_sessions left join people using (person_id)
        order by started_at, visitor_id
    """,
    "stage_transitions": """
        select who, transition_number, transition_type, from_stage, to_stage, from_stage_seconds,
            transitions.channel, occurred_at
        from marts.fct_stage_transitions as transitions left join people using (person_id)
        order by who, transition_number
    """,
    "revenue_points": """
        select who, point_number, point_type, value_type, value_stage, stage, contracted_amount,
            billed_amount, paid_amount, cumulative_paid_amount, currency_code, preceding_channel,
            open_ticket_count, delivery_to_payment_seconds, occurred_at
        from marts.fct_revenue_points left join people using (person_id)
        order by who, point_number
    """,
    "identifiers": """
        select who, identifier_type, joined_by_rule, is_shared_device, first_seen_at
        from marts.dim_person_identifiers left join people using (person_id)
        order by who, first_seen_at, identifier_type, identifier_value
    """,
    "kpis": """
        select kpi, kpi_date, numerator, denominator, kpi_value
        from marts.kpi_daily where dimension = 'all' order by kpi, kpi_date
    """,
}


def rows_of(home: Path, query: str) -> list[list[str]]:
    with read_release(home) as connection:
        cursor = connection.execute(f"with people as ({WHO}) {query}")
        names = [column[0] for column in cursor.description or []]
        return [names] + [
            ["" if value is None else str(value) for value in row] for row in cursor.fetchall()
        ]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_marts_equal_the_golden_result(story_home: Path, name: str) -> None:
    with (GOLDEN / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        assert rows_of(story_home, QUERIES[name]) == list(csv.reader(stream))


def test_runs_zone_and_threads_change_nothing(
    story_home: Path, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other row in a second run, in another zone, on one thread: the marts of the release."""
    monkeypatch.setattr(proving, "PEPPER", PEPPER)
    with project.connect(threads=1) as connection:
        world = World(project, connection, tmp_path)
        for half in (0, 1):
            for path in sorted((STORIES / "happy_week").rglob("*.csv")):
                header, *lines = path.read_text("utf-8").splitlines()
                part = lines[half::2]
                target = tmp_path / "landing" / path.parent.relative_to(STORIES / "happy_week")
                target.mkdir(parents=True, exist_ok=True)
                (target / f"{half}.csv").write_text("\n".join([header, *part]) + "\n", "utf-8")
            world.load()
            world.build(AS_OF, zone="Asia/Tokyo")
        found = world.marts(arrival=False)
    with read_release(story_home) as release:
        for name, rows in found.items():
            expected = release.execute(f"select * from {name} order by all").fetchall()
            assert rows == expected, name


def test_without_rules_nothing_of_ours_is_shown(project: Project, tmp_path: Path) -> None:
    """The marts of a home without rules hold no row of the sample's, and pass all data tests."""
    shutil.copytree(STORIES / "happy_week", tmp_path / "landing")
    companys = {"Onboarding calls", "Designed journey", "Likelihood to recommend", "site_renewal"}
    with project.connect() as connection:
        project.give_rules(connection, home_rules.defaults())
        world = World(project, connection, tmp_path)
        world.tables = load_contract(home_rules.defaults())
        world.load()
        world.build(AS_OF)
        origins = connection.execute("select rule_table, rule_origin from marts.dim_rules")
        assert dict(origins.fetchall()) == {
            OPTIONS: "default",
            **{
                name: "default" if home_rules.defaults().rows(name) else "none" for name in tables()
            },
        }
        for name, rows in world.marts(arrival=True).items():
            assert not [text for text in companys if text in str(rows)], name
        for name in ("dim_journey_map_steps", "kpi_initiative_results", "fct_survey_scores"):
            assert connection.execute(f"select count(*) from marts.{name}").fetchone() == (0,)
        targets = "select count(*) from marts.kpi_monthly where target is not null"
        assert connection.execute(targets).fetchone() == (0,)
        assert project.failing(connection, AS_OF) == []


def test_shared_tablet_joins_nobody(story_home: Path) -> None:
    with read_release(story_home) as connection:
        people = connection.execute(
            "select count(distinct person_id) from marts.fct_sessions where visitor_id = 'v9'"
        ).fetchone()
    assert people == (3,)
