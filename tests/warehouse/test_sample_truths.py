"""
What sample/README.md says of the sample is found in its marts.

The truths are planted by the generator's constants; here they are measured anew from facts, with
intervals of 95 %, and have to lie where the README says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

Connection = duckdb.DuckDBPyConnection
RECENT = "month_start_date >= date '2026-04-01'"  # the last six months, all of them whole
YEAR = "month_start_date >= date '2025-10-01'"


@pytest.fixture(scope="module")
def warehouse(sample_home: Path) -> Iterator[Connection]:
    path = str(sample_home / "warehouse" / "warehouse.duckdb")
    with duckdb.connect(path, read_only=True) as connection:
        yield connection


def one(warehouse: Connection, query: str) -> Any:
    row = warehouse.execute(query).fetchone()
    assert row is not None
    return row[0]


def kpi(warehouse: Connection, name: str, where: str, dimension: str = "all") -> dict[str, float]:
    """A KPI over several months: sums divided, by the value of a dimension."""
    return dict(
        warehouse.execute(
            "select dimension_value, max(multiplier) * sum(numerator)::double / sum(denominator) "
            "from marts.kpi_monthly inner join marts.dim_kpis using (kpi) "
            f"where kpi = $1 and dimension = $2 and {where} group by dimension_value "
            "having sum(denominator) > 0",
            [name, dimension],
        ).fetchall()
    )


def months(warehouse: Connection, name: str, where: str = RECENT) -> list[float]:
    return [
        float(value)
        for (value,) in warehouse.execute(
            "select kpi_value from marts.kpi_monthly "
            f"where kpi = $1 and dimension = 'all' and {where} order by month_start_date",
            [name],
        ).fetchall()
    ]


def interval(difference: float, *shares: tuple[float, int]) -> tuple[float, float]:
    """Of a difference of shares, each with the number that it is of."""
    margin = 1.96 * math.sqrt(sum(share * (1 - share) / n for share, n in shares))
    return difference - margin, difference + margin


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("order_rate", 0.01, 0.04),
        ("cvr", 0.05, 0.15),
        ("engaged_rate", 0.50, 0.75),
        ("cart_abandonment_rate", 0.60, 0.80),
        ("ctr", 0.005, 0.03),
        ("cpc", 60, 250),
        ("aov", 10_000, 40_000),
        ("email_click_rate", 0.02, 0.05),
        ("win_rate", 0.20, 0.60),
        ("repeat_rate", 0.25, 0.60),
        ("refund_rate", 0.0, 0.12),
        ("csat", 0.70, 0.98),
        ("ces", 4.0, 6.5),
        ("nps", 5, 50),
        ("roas", 1, 8),
        ("first_response_hours", 2, 24),
    ],
)
def test_each_of_the_last_six_months_is_believable(
    warehouse: Connection, name: str, least: float, most: float
) -> None:
    values = months(warehouse, name)
    assert len(values) == 6
    assert all(least <= value <= most for value in values), values


def test_a_year_together_is_believable(warehouse: Connection) -> None:
    assert 10 <= kpi(warehouse, "nps", YEAR)["all"] <= 50
    assert 0.7 <= kpi(warehouse, "csat", YEAR)["all"] <= 0.9
    assert 1.5 <= kpi(warehouse, "roas", YEAR)["all"] <= 6
    assert kpi(warehouse, "cac", YEAR)["all"] < 0.5 * kpi(warehouse, "ltv", YEAR)["all"]
    churn = one(
        warehouse,
        "select -sum(churn_amount) / sum(start_amount) "
        f"from marts.kpi_recurring_revenue_monthly where {YEAR}",
    )
    assert 0.02 <= churn <= 0.06
    responses = warehouse.execute(
        "select metric, sum(response_rate * invitation_count) / sum(invitation_count) "
        f"from marts.kpi_feedback_monthly where invitation_count > 0 and {YEAR} group by metric"
    ).fetchall()
    assert {metric for metric, _ in responses} >= {"nps", "csat", "ces", "expectation"}
    assert all(0.1 <= rate <= 0.4 for _, rate in responses), responses
    known = one(
        warehouse,
        "select count(distinct person_id) filter (where identifier_type = 'contact') "
        "/ count(distinct person_id) from marts.dim_person_identifiers",
    )
    assert 0.1 <= known <= 0.4
    orders = one(
        warehouse,
        "select avg(paid_order_count) from (select count(*) as paid_order_count "
        "from marts.fct_revenue_points where paid_order_number is not null "
        "and point_type in ('order', 'renewal') group by person_id)",
    )
    assert 1.5 <= orders <= 4


def test_the_company_lives_to_its_last_day(warehouse: Connection) -> None:
    visits = months(warehouse, "visits", "true")
    assert len(visits) == 18
    assert all(later > 0.75 * earlier for earlier, later in pairwise(visits))
    assert sum(visits[-3:]) > sum(visits[-6:-3]) * 0.8
    last = dict(
        warehouse.execute(
            "select kpi, numerator from marts.kpi_daily "
            "where dimension = 'all' and kpi_date = date '2026-09-30'"
        ).fetchall()
    )
    assert last["visits"] > 30 and last["new_visitors"] > 10 and last["engaged_sessions"] > 20
    quiet = one(
        warehouse,
        "select count(*) from marts.kpi_daily where kpi = 'visits' and dimension = 'all' "
        "and numerator < 10 and kpi_date >= date '2025-05-01'",
    )
    assert quiet == 0
    weekend = one(
        warehouse,
        "select avg(numerator) filter (where isodow(kpi_date) > 5) "
        "/ avg(numerator) filter (where isodow(kpi_date) <= 5) "
        "from marts.kpi_daily where kpi = 'visits' and dimension = 'all'",
    )
    assert 1.05 <= weekend <= 1.35


def test_channels_are_mixed(warehouse: Connection) -> None:
    shares = dict(
        warehouse.execute(
            "select channel, count(*) / sum(count(*)) over () from marts.fct_sessions group by 1"
        ).fetchall()
    )
    assert len(shares) >= 9 and max(shares.values()) < 0.4 and min(shares.values()) > 0.01
    paid = sum(shares[name] for name in ("paid_search", "paid_social", "display", "affiliates"))
    assert 0.2 <= paid <= 0.4


def step_rates(warehouse: Connection, step: str, following: str) -> dict[str, tuple[float, int]]:
    """Of the sessions that came to a step, the share that came to the following one, by device."""
    return {
        device: (share, n)
        for device, share, n in warehouse.execute(
            """
            with steps as (
                select session_id, list(touchpoint_name) as names
                from marts.fct_touchpoints where touchpoint_type = 'web_event' group by session_id
            )
            select device_type, avg(list_contains(names, $2)::integer), count(*)
            from steps inner join marts.fct_sessions using (session_id)
            where list_contains(names, $1) group by device_type
            """,
            [step, following],
        ).fetchall()
    }


def test_phones_leak_at_the_payment_step_and_nowhere_else(warehouse: Connection) -> None:
    rates = step_rates(warehouse, "add_payment_info", "purchase")
    (mobile, desktop) = rates["mobile"], rates["desktop"]
    low, high = interval(desktop[0] - mobile[0], mobile, desktop)
    assert low > 0.2 and high < 0.6
    assert 0.37 <= mobile[0] <= 0.53 and 0.76 <= desktop[0] <= 0.92
    for step, following in (
        ("add_to_cart", "begin_checkout"),
        ("begin_checkout", "add_payment_info"),
    ):
        before = step_rates(warehouse, step, following)
        assert abs(before["mobile"][0] - before["desktop"][0]) < 0.12


def test_initiatives_that_work_and_one_that_does_not(warehouse: Connection) -> None:
    verdicts = dict(
        warehouse.execute("select initiative, verdict from marts.kpi_initiative_results").fetchall()
    )
    assert verdicts == {
        "cart_reminder_email": "improved",
        "site_renewal": "improved",
        "onboarding_calls": "improved",
        "spring_video": "not_shown",
        "autumn_campaign": "running",
    }
    # That it works does not mean that it pays.
    returns = dict(
        warehouse.execute(
            "select initiative, return_rate from marts.kpi_initiative_results "
            "where verdict = 'improved'"
        ).fetchall()
    )
    assert returns["onboarding_calls"] > 1 > returns["site_renewal"] > 0


def test_a_campaign_that_sells_and_one_that_does_not(warehouse: Connection) -> None:
    campaigns = {
        name: (sessions, orders)
        for name, sessions, orders in warehouse.execute(
            """
            select campaign, count(*), count(*) filter (where session_id in (
                select session_id from marts.fct_touchpoints where touchpoint_name = 'purchase'))
            from marts.fct_sessions where campaign is not null group by campaign
            """
        ).fetchall()
    }
    (sessions, orders) = campaigns["spring_video"]
    assert sessions > 400 and orders == 0
    (sessions, orders) = campaigns["cart_reminder"]
    assert sessions == orders >= 20
    (sessions, orders) = campaigns["brand_search"]
    assert orders / sessions > 0.03
    returns = kpi(
        warehouse, "roas", "month_start_date between '2026-05-01' and '2026-06-01'", "channel"
    )
    assert returns["paid_social"] < 1 < returns["paid_search"]


def test_students_churn(warehouse: Connection) -> None:
    kept = kpi(warehouse, "retention_rate", "true", "persona")
    assert kept["student"] < 0.1 and kept["individual"] > 0.3  # of orders outside subscriptions
    recommends = kpi(warehouse, "nps", "true", "persona")
    assert recommends["student"] < 0 < recommends["individual"]


def test_the_experiment_has_its_known_effect(warehouse: Connection) -> None:
    """Visitors who filled a cart while it ran, by what they were shown: 5 points more."""
    shown = {
        variant: (share, n)
        for variant, share, n in warehouse.execute(
            """
            with shown as (
                select visitor_id, variant_id
                from staging.stg_web__events
                where experiment_id = 'product_reviews' and is_known
                group by visitor_id, variant_id
            ), filled as (
                select distinct visitor_id
                from marts.fct_touchpoints
                inner join marts.fct_sessions using (session_id)
                where touchpoint_name = 'add_to_cart'
                    and session_date between date '2026-06-01' and date '2026-08-31'
            )
            select variant_id, avg((filled.visitor_id is not null)::integer), count(*)
            from shown left join filled using (visitor_id)
            group by variant_id
            """
        ).fetchall()
    }
    assert set(shown) == {"control", "reviews"}
    control, reviews = shown["control"], shown["reviews"]
    assert abs(control[1] - reviews[1]) < 4 * math.sqrt(control[1] + reviews[1])  # a fair coin
    low, high = interval(reviews[0] - control[0], control, reviews)
    assert 0 < low < 0.05 < high


def test_the_mart_finds_the_effect_and_none_where_none_is(warehouse: Connection) -> None:
    results = {
        (experiment, metric): rest
        for experiment, metric, *rest in warehouse.execute(
            "select experiment_id, experiment_metric, experiment_verdict, difference_value, "
            "fixed_low_value, fixed_high_value, sequential_low_value, sequential_high_value, "
            "sample_ratio_p_value from marts.kpi_experiment_results where not is_control"
        ).fetchall()
    }
    assert len(results) == 10
    verdict, difference, low, high, ever_low, ever_high, split = results["product_reviews", "cart"]
    assert verdict == "improved" and split > 0.001
    assert 0 < ever_low < low < 0.05 < high < ever_high and 0.03 < difference < 0.07
    others = {key: rest[0] for key, rest in results.items() if key != ("product_reviews", "cart")}
    assert set(others.values()) == {"not_shown"}
    assert all(
        rest[2] < 0 < rest[3] for (name, _), rest in results.items() if name == "button_colour"
    )
    crossed, persons = warehouse.execute(
        "select count(*) filter (where is_crossover), count(*) "
        "from marts.fct_experiment_assignments"
    ).fetchall()[0]
    assert 50 < crossed < 0.05 * persons


def test_the_same_people_expected_more_of_use_than_they_found(warehouse: Connection) -> None:
    gaps = {
        stage: (mean, margin, n)
        for stage, mean, margin, n in warehouse.execute(
            """
            with answers as (
                select person_id, question_stage as stage, metric, avg(score) as score
                from marts.fct_survey_scores where metric in ('expectation', 'experience')
                group by all
            )
            select stage, avg(later.score - earlier.score),
                1.96 * stddev_samp(later.score - earlier.score) / sqrt(count(*)), count(*)
            from answers as earlier inner join answers as later using (person_id, stage)
            where earlier.metric = 'expectation' and later.metric = 'experience'
            group by stage
            """
        ).fetchall()
    }
    mean, margin, n = gaps["use"]
    assert n >= 40 and -1.3 < mean < -0.4 and mean + margin < 0
    mean, margin, _ = gaps["consideration"]
    assert abs(mean) < margin + 0.2


def test_what_lies_before_and_beside_the_purchase(warehouse: Connection) -> None:
    before = one(
        warehouse,
        "select count(*) from marts.fct_survey_scores as scores "
        "left join (select person_id, min(occurred_at) as bought_at from marts.fct_touchpoints "
        "where touchpoint_type = 'order' group by 1) as firsts using (person_id) "
        "where metric = 'expectation' and (bought_at is null or responded_at < bought_at)",
    )
    assert before > 200
    sent, opened = warehouse.execute(
        "select count(*), avg((outcome in ('opened', 'clicked'))::integer) "
        "from staging.stg_crm__activities "
        "where activity_type = 'email' and campaign = 'monthly_news'"
    ).fetchall()[0]
    assert sent > 2_000 and 0.2 <= opened <= 0.4
    store = one(warehouse, "select count(*) from marts.fct_touchpoints where channel = 'store'")
    assert store > 100


def test_who_comes_farther_fits_the_designed_journey_better(warehouse: Connection) -> None:
    """Orders after the first are no deviations: buyers fit better than others, repeat ones best."""
    fit = dict(
        warehouse.execute(
            """
            with orders as (
                select journey_id, least(count(*) filter (where touchpoint_type = 'order'), 2) as n
                from marts.fct_touchpoints
                group by journey_id
            )
            select orders.n, avg(alignments.fitness_rate)
            from marts.fct_journey_alignments as alignments
            inner join orders on alignments.journey_id = orders.journey_id
            where alignments.aspect = 'stage' and alignments.is_map_in_force
            group by orders.n
            """
        ).fetchall()
    )
    assert fit[0] + 0.1 < fit[1] and fit[1] + 0.05 < fit[2]
