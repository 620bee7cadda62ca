"""Gates that learn: a bad story trips each of them, and thirty good nights trip none."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

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


Habits = Callable[[date, bool], dict[str, float]]


def office(day: date, is_holiday: bool) -> dict[str, float]:
    """Sells to companies: quiet weekends, no survey on them; Mondays restate the weekend's."""
    if day.weekday() >= 5 or is_holiday:
        return {"all": 0.2, "surveys": 0}
    return {"restated": 20 if day.weekday() == 0 else 1}


def growing(day: date, is_holiday: bool) -> dict[str, float]:
    """Sells to everybody, half as much again on weekends and holidays, and twice in two months."""
    busy = 1.5 if day.weekday() >= 5 or is_holiday else 1
    return {"all": 0.3 * busy * 2 ** ((day - FIRST).days / 60)}


def invoicing(day: date, is_holiday: bool) -> dict[str, float]:
    """An office with invoices on the last three days and renewals on the first of a month."""
    usual = office(day, is_holiday)
    is_end = (day + timedelta(days=3)).month != day.month
    usual["money"] = 8 if day.day == 1 else usual.get("all", 1)
    usual["orders"] = usual.get("all", 1) * (2.6 if is_end else 1)
    usual["mail"] = 4 if 10 <= day.day <= 13 else 1  # a newsletter
    return usual


def shop(first: date, last: date, habits: Habits) -> duckdb.DuckDBPyConnection:
    """The marts of a shop, day by day, and what its releases restated."""
    chance = random.Random(29)
    connection = duckdb.connect(":memory:")
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
    holidays = {day for (day,) in connection.execute("select holiday_date from seeds.holidays")
                .fetchall()}  # fmt: skip
    rows: dict[str, Counter[tuple[object, ...]]] = {mart: Counter() for mart in MARTS}
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        usual = habits(day, day in holidays)

        def many(mean: float, what: str, usual: dict[str, float] = usual) -> int:
            mean *= usual.get(what, usual.get("all", 1))
            return max(0, round(chance.gauss(mean, (mean + (0.1 * mean) ** 2) ** 0.5)))

        for _ in range(count := many(300, "visits")):
            channel = chance.choices(
                ["paid_search", "email", "direct"], [5, 3 * usual.get("mail", 1), 2]
            )[0]
            device = chance.choices(["desktop", "mobile"], [7, 3])[0]
            rows["fct_sessions"][day, channel, device] += 1
        rows["fct_touchpoints"][day, "web", "web_session"] += count
        rows["fct_orders"][(day,)] += (count := many(60, "orders"))
        rows["fct_touchpoints"][day, "crm", "order"] += count
        for _ in range(many(60, "money")):
            kind = chance.choices(["charge", "refund"], [9, 1])[0]
            rows["fct_revenue_points"][day, kind] += 1
        rows["fct_survey_scores"][(day,)] += (count := many(40, "surveys"))
        rows["fct_touchpoints"][day, "survey", "survey_answer"] += count
        rows["fct_tickets"][(day,)] += many(35, "tickets")
        for mart in learning.RESTATED if number else ():
            share = chance.uniform(0.001, 0.003) * usual.get("restated", 1)
            connection.execute(
                "insert into ops.fct_restatements values (?, ?, 100000, ?, 10, ?)",
                [str(day), mart, round(100_000 * share), day],
            )
    for mart, counts in rows.items():
        columns = [[str(value) for value in column] for column in zip(*counts, strict=True)]
        selected = ", ".join(f"unnest(${n + 1}) as c{n}" for n in range(len(columns)))
        connection.execute(
            f"insert into marts.{mart} select * exclude (n, m) from (select {selected}, "
            f"unnest(${len(columns) + 1}) as n), lateral (select unnest(range(n)) as m)",
            [*columns, list(counts.values())],
        )
    return connection


@pytest.fixture(scope="module")
def history() -> Iterator[duckdb.DuckDBPyConnection]:
    """Five months of an office."""
    with shop(FIRST, NIGHTS[-1], office) as connection:
        yield connection


def beyond(
    connection: duckdb.DuckDBPyConnection, day: date, spoil: str = ""
) -> set[tuple[str, str]]:
    """What is beyond its bounds on a night: what came later is not there yet."""
    return {
        (one["gate"], one["series"]) for one in night(connection, day, spoil) if one["is_beyond"]
    }


def night(
    connection: duckdb.DuckDBPyConnection, day: date, spoil: str = ""
) -> list[dict[str, Any]]:
    """What is observed on a night."""
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
    return seen


def test_thirty_good_nights_trip_nothing(history: duckdb.DuckDBPyConnection) -> None:
    for day in NIGHTS:
        seen = night(history, day)
        assert [one for one in seen if one["is_beyond"]] == [], day
        unjudged = {"volume"} if day == MOUNTAIN_DAY else set()
        assert {one["gate"] for one in seen} == set(learning.GATES.values()) - unjudged


def days(year: int, month: int, *numbers: int) -> list[date]:
    return [date(year, month, number) for number in numbers]


GOOD_NIGHTS = {
    growing: [*days(2026, 5, 3, 6, 7), *days(2026, 7, 20, 21), *days(2026, 8, 10, 30)],
    invoicing: [*days(2026, 7, 10, 31), *days(2026, 8, 1, 12, 17, 28, 31)],
}


@pytest.mark.parametrize("habits", GOOD_NIGHTS)
def test_growth_ends_of_months_and_newsletters_trip_nothing(habits: Habits) -> None:
    with shop(date(2026, 1, 1), date(2026, 8, 31), habits) as connection:
        tripped = {
            day: learning.said(seen, gate)
            for day in GOOD_NIGHTS[habits]
            for seen in [night(connection, day)]
            for gate in learning.GATES.values()
            if learning.said(seen, gate)
        }
        assert tripped == {}
        if habits is invoicing:  # an end of a month is no excuse
            twice = "insert into marts.{0} from marts.{0} where {1} = date '2026-08-31'"
            orders = twice.format("fct_orders", "ordered_date")
            assert beyond(connection, date(2026, 8, 31), f"{orders}; {orders}") == {
                ("volume", "fct_orders")
            }
            assert beyond(
                connection, date(2026, 8, 31),
                "delete from marts.fct_orders where ordered_date = date '2026-08-31' "
                "and hash(rowid) % 10 < 9",
            ) == {("volume", "fct_orders")}  # fmt: skip


def test_a_young_shop_is_not_judged() -> None:
    """Of a week no weekday has a past; only a large restatement is told."""
    with shop(date(2026, 4, 1), date(2026, 4, 8), office) as connection:
        for number in (1, 2, 5, 8):
            seen = night(connection, date(2026, 4, number))
            assert {one["gate"] for one in seen} <= {"restatement"}
            assert not [one for one in seen if one["is_beyond"]], number


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
    "a tenth of the tickets came": (
        f"delete from marts.fct_tickets where opened_date {BAD} and hash(rowid) % 10 > 0",
        ("volume", "fct_tickets"),
    ),
    "the CRM is silent since Thursday": (
        "delete from marts.fct_touchpoints where source = 'crm' "
        "and occurred_date > date '2026-08-20'",
        ("freshness", "crm"),
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
    "a tag counts phones as desktops": (
        "update marts.fct_sessions set device_type = 'desktop' where session_date > date "
        "'2026-08-18'",
        ("distribution", "fct_sessions.device_type"),
    ),
    "charges arrive as refunds": (
        "update marts.fct_revenue_points set point_type = 'refund' where occurred_date > date "
        "'2026-08-18' and hash(rowid) % 2 = 0",
        ("distribution", "fct_revenue_points.point_type"),
    ),
    "half of the visits come as orders": (
        "update marts.fct_touchpoints set touchpoint_type = 'order' where occurred_date > date "
        "'2026-08-18' and source = 'web' and hash(rowid) % 2 = 0",
        ("distribution", "fct_touchpoints.touchpoint_type"),
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


def test_the_weekday_decides(history: duckdb.DuckDBPyConnection) -> None:
    """As many visits as on a Tuesday are too many for a Saturday, and so are changes of Mondays."""
    saturday = date(2026, 8, 22)
    again = (
        "insert into marts.fct_sessions select * replace (session_date + 1 as session_date) "
        "from marts.fct_sessions where session_date = date '2026-08-21'; "
        "update ops.fct_restatements set changed_row_count = 7000 "
        "where mart_name = 'fct_orders' and known_through_date = date '2026-08-22'"
    )
    assert beyond(history, saturday, again) == {
        ("volume", "fct_sessions"), ("restatement", "fct_orders")
    }  # fmt: skip


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
