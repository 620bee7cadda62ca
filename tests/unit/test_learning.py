"""Gates that learn: a bad story trips each of them, and thirty good nights trip none."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest

from orchestration.gate import learning
from tests.conftest import ROOT

FIRST = date(2026, 4, 1)
NIGHTS = [date(2026, 8, 1) + timedelta(days=number) for number in range(30)]
MOUNTAIN_DAY = date(2026, 8, 11)  # a holiday, of which no volume is usual
MARTS = {
    "fct_sessions": "session_date date, channel varchar, device_type varchar",
    "fct_orders": "ordered_date date",
    "fct_revenue_points": "occurred_date date, point_type varchar",
    "fct_survey_scores": "responded_date date",
    "fct_tickets": "opened_date date",
    "fct_touchpoints": "occurred_date date, source varchar, touchpoint_type varchar",
}


@pytest.fixture(scope="module")
def history() -> Iterator[duckdb.DuckDBPyConnection]:
    """Five months of a shop that sells to companies: quiet weekends, no survey on them at all."""
    chance = random.Random(29)
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema marts; create schema seeds; create schema ops")
        for seed in ("gate_bounds", "holidays"):
            connection.execute(
                f"create table seeds.{seed} as from read_csv('{ROOT / 'seeds' / seed}.csv')"
            )
        for mart, columns in MARTS.items():
            connection.execute(f"create table marts.{mart} ({columns})")
        connection.execute(
            "create table ops.fct_restatements (release_id varchar, mart_name varchar, "
            "previous_row_count bigint, changed_row_count bigint, removed_row_count bigint, "
            "known_through_date date)"
        )
        rows: dict[str, list[list[object]]] = {mart: [] for mart in MARTS}
        for number in range((NIGHTS[-1] - FIRST).days + 1):
            day = FIRST + timedelta(days=number)
            is_weekend = day.weekday() >= 5

            def many(mean: float, day_: bool = is_weekend) -> range:
                mean *= 0.2 if day_ else 1
                return range(max(0, round(chance.gauss(mean, (mean + (0.1 * mean) ** 2) ** 0.5))))

            for _ in many(300):
                channel = chance.choices(["paid_search", "email", "direct"], [5, 3, 2])[0]
                device = chance.choices(["desktop", "mobile"], [7, 3])[0]
                rows["fct_sessions"].append([day, channel, device])
                rows["fct_touchpoints"].append([day, "web", "web_session"])
            for _ in many(60):
                rows["fct_orders"].append([day])
                kind = chance.choices(["charge", "refund"], [9, 1])[0]
                rows["fct_revenue_points"].append([day, kind])
                rows["fct_touchpoints"].append([day, "crm", "order"])
            for _ in range(0) if is_weekend else many(40):
                rows["fct_survey_scores"].append([day])
                rows["fct_touchpoints"].append([day, "survey", "survey_answer"])
            for _ in many(35):
                rows["fct_tickets"].append([day])
            if day > FIRST + timedelta(days=60):
                for mart in learning.RESTATED:  # more on Mondays, when the weekend's files come
                    share = chance.uniform(0.001, 0.003) * (20 if day.weekday() == 0 else 1)
                    connection.execute(
                        "insert into ops.fct_restatements values (?, ?, 100000, ?, 10, ?)",
                        [str(day), mart, round(100_000 * share), day],
                    )
        for mart, found in rows.items():
            texts = [[str(value) for value in row] for row in found]
            columns = list(zip(*texts, strict=True))
            selected = ", ".join(f"unnest(${number + 1})" for number in range(len(columns)))
            connection.execute(
                f"insert into marts.{mart} select {selected}", [list(c) for c in columns]
            )
        yield connection


def beyond(
    connection: duckdb.DuckDBPyConnection, day: date, spoil: str = ""
) -> set[tuple[str, str]]:
    """What is seen on a night: what came later is not there yet."""
    connection.execute("begin")
    if spoil:
        connection.execute(spoil)
    for mart, columns in MARTS.items():
        connection.execute(f"delete from marts.{mart} where {columns.split()[0]} > ?", [day])
    connection.execute("delete from ops.fct_restatements where known_through_date > ?", [day])
    connection.execute(
        "update ops.fct_restatements set release_id = null where known_through_date = ?", [day]
    )
    learning.observe(connection, day)
    seen = learning.observations(connection)
    connection.execute("rollback")
    unjudged = {"volume"} if day == MOUNTAIN_DAY else set()
    assert {one["gate"] for one in seen} == set(learning.GATES.values()) - unjudged
    return {(one["gate"], one["series"]) for one in seen if one["is_beyond"]}


def test_thirty_good_nights_trip_nothing(history: duckdb.DuckDBPyConnection) -> None:
    assert {day: found for day in NIGHTS if (found := beyond(history, day))} == {}


TUESDAY = date(2026, 8, 25)
BAD = f"= date '{TUESDAY}'"
BAD_STORIES = {
    "half of the visits did not come": (
        f"delete from marts.fct_sessions where session_date {BAD} and hash(rowid) % 10 < 6",
        ("volume", "fct_sessions"),
    ),
    "the orders came three times": (
        f"insert into marts.fct_orders select o.* from marts.fct_orders as o, range(2) "
        f"where ordered_date {BAD}",
        ("volume", "fct_orders"),
    ),
    "no survey since Friday": (
        "delete from marts.fct_touchpoints where source = 'survey' "
        "and occurred_date > date '2026-08-21'",
        ("freshness", "survey"),
    ),
    "the tags of a campaign are lost": (
        "update marts.fct_sessions set channel = 'unassigned' where channel = 'paid_search' "
        "and session_date > date '2026-08-18'",
        ("distribution", "fct_sessions.channel"),
    ),
    "a tenth of the published visits is another": (
        "update ops.fct_restatements set changed_row_count = 10000 "
        f"where mart_name = 'fct_sessions' and known_through_date {BAD}",
        ("restatement", "fct_sessions"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", BAD_STORIES)
def test_a_bad_story_trips_its_gate_and_no_other(
    history: duckdb.DuckDBPyConnection, story: str
) -> None:
    spoil, tripped = BAD_STORIES[story]
    assert beyond(history, TUESDAY, spoil) == {tripped}


def test_a_short_past_judges_by_what_is_seeded_or_not_at_all(
    history: duckdb.DuckDBPyConnection,
) -> None:
    """Three weeks after the first row, no weekday has a past; the restatement has its seed."""
    day = FIRST + timedelta(days=20)
    history.execute("begin")
    for mart, columns in MARTS.items():
        history.execute(f"delete from marts.{mart} where {columns.split()[0]} > ?", [day])
    history.execute("delete from ops.fct_restatements")
    history.execute(
        "insert into ops.fct_restatements values (null, 'fct_sessions', 1000, 300, 0, ?)", [day]
    )
    learning.observe(history, day)
    (seen,) = learning.observations(history)
    history.execute("rollback")
    assert (seen["series"], seen["upper_bound"], seen["is_learned"]) == ("fct_sessions", 0.2, False)
    assert seen["is_beyond"] and "300 rows changed" in learning.said([seen], "restatement")
