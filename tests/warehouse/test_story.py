"""The story happy_week: marts equal the golden CSVs, and nothing but the data decides them."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from tests.conftest import ROOT, nightly, place_story, read_release

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


def manifest(home: Path) -> dict[str, object]:
    path = home / "published" / "current" / "manifest.json"
    return dict(json.loads(path.read_text("utf-8")))


def test_nights_names_order_zone_and_threads_change_nothing(
    story_home: Path, tmp_path: Path
) -> None:
    """Files renamed, cut in two and shuffled, a night for each half; another zone; one thread."""
    home = tmp_path / "home"
    place_story("happy_week", home)
    generator = random.Random(7)
    second_night = []
    for path in sorted((home / "landing").rglob("*.csv")):
        header, *lines = path.read_text("utf-8").splitlines()
        generator.shuffle(lines)
        middle = len(lines) // 2
        for name, part in (("zz", lines[:middle]), ("aa", lines[middle:])):
            if part:
                text = "\n".join([header, *part]) + "\n"
                target = path.parent / f"{name}-{generator.randrange(1000)}.csv"
                if name == "zz":
                    second_night.append((target, text))
                else:
                    target.write_text(text, "utf-8")
        path.unlink()
    first = nightly(home, TZ="Asia/Tokyo", JOURNEY_THREADS="1")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "full (no build to rest on)" in first.stdout
    for target, text in second_night:
        target.write_text(text, "utf-8")
    second = nightly(home, TZ="Asia/Tokyo", JOURNEY_THREADS="1")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "what was touched since the last build" in second.stdout
    assert manifest(home)["content_hash"] == manifest(story_home)["content_hash"]


def test_shared_tablet_joins_nobody(story_home: Path) -> None:
    with read_release(story_home) as connection:
        people = connection.execute(
            "select count(distinct person_id) from marts.fct_sessions where visitor_id = 'v9'"
        ).fetchone()
    assert people == (3,)
