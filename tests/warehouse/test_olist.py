"""Olist through the whole job, against counts made by independent pandas code on its files."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import nightly, read_release, run_journey


@pytest.fixture(scope="module")
def olist(shared_data: Path) -> dict[str, pd.DataFrame]:
    folder = shared_data / "olist"
    names = {
        "leads": "olist_marketing_qualified_leads_dataset",
        "deals": "olist_closed_deals_dataset",
        "customers": "olist_customers_dataset",
        "orders": "olist_orders_dataset",
        "items": "olist_order_items_dataset",
        "payments": "olist_order_payments_dataset",
        "reviews": "olist_order_reviews_dataset",
    }
    return {
        name: pd.read_csv(folder / f"{file}.csv", dtype=str, keep_default_na=False)
        for name, file in names.items()
    }


@pytest.fixture(scope="module")
def home(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("olist") / "home"
    imported = run_journey("import", "olist", str(shared_data / "olist"), home=home)
    assert imported.returncode == 0, imported.stderr
    # Olist holds no personal data, so no pepper is needed.
    result = nightly(home, JOURNEY_PEPPER="")
    assert result.returncode == 0, result.stdout + result.stderr
    return home


WHAT_HURTS = "persona = 'all' and stage = 'purchase' and touchpoint_type = 'delivery'"


def one(home: Path, query: str) -> tuple[object, ...]:
    with read_release(home) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)


def test_sellers_from_lead_to_second_sale(home: Path, olist: dict[str, pd.DataFrame]) -> None:
    won = set(olist["deals"]["mql_id"])
    sales = olist["items"].merge(olist["deals"], on="seller_id")
    orders_per_seller = sales.groupby("mql_id")["order_id"].nunique()
    expected = (
        olist["leads"]["mql_id"].nunique(),
        len(won),
        len(orders_per_seller),
        int((orders_per_seller >= 2).sum()),
    )
    assert expected == (8000, 842, 137, 51)
    # A person counts once, however often a journey came back to the stage.
    assert expected == one(
        home,
        """
        select
            count(distinct person_id) filter (where touchpoint_name = 'generate_lead'),
            count(distinct person_id) filter (where signalled_stage = 'purchase'),
            count(distinct person_id) filter (where signalled_stage = 'use'),
            count(distinct person_id) filter (where signalled_stage = 'repeat')
        from marts.fct_touchpoints where persona = 'seller'
        """,
    )


def test_its_rules_are_the_adapters_and_nobody_elses(home: Path) -> None:
    with read_release(home) as connection:
        assert connection.execute(
            "select rule_table, rule_origin, own_rule_count from marts.dim_rules "
            "where own_rule_count > 0 order by all"
        ).fetchall() == [
            ("journey_map_steps", "own", 18), ("journey_maps", "own", 2),
            ("personas", "own", 2),
            ("stage_rules", "extended", 4), ("survey_questions", "own", 1),
        ]  # fmt: skip
        personas = "select distinct map_persona from marts.dim_journey_map_steps order by all"
        assert connection.execute(personas).fetchall() == [("buyer",), ("seller",)]
        for name in ("kpi_initiative_results", "kpi_journey_map_reviews"):
            assert connection.execute(f"select count(*) from marts.{name}").fetchone() == (0,)
        targets = "select count(*) from marts.kpi_monthly where target is not null"
        assert connection.execute(targets).fetchone() == (0,)


def test_leads_by_origin(home: Path, olist: dict[str, pd.DataFrame]) -> None:
    origins = olist["leads"]["origin"].value_counts()
    with read_release(home) as connection:
        found = dict(
            connection.execute(
                "select channel, count(*) from marts.fct_sessions group by channel"
            ).fetchall()
        )
    assert found == {
        "organic_search": origins["organic_search"],
        "paid_search": origins["paid_search"],
        "organic_social": origins["social"],
        "direct": origins["direct_traffic"],
        "email": origins["email"],
        "referral": origins["referral"],
        "display": origins["display"],
        # What Olist cannot tell stays unassigned and is never called direct.
        "unassigned": origins[["unknown", "other", "other_publicities", ""]].sum(),
    }


def test_buyers(home: Path, olist: dict[str, pd.DataFrame]) -> None:
    orders = olist["orders"].merge(olist["customers"], on="customer_id")
    paid = olist["payments"].assign(value=olist["payments"]["payment_value"].map(Decimal))
    paid_orders = set(paid.loc[paid["value"] > 0, "order_id"])
    per_buyer = orders.groupby("customer_unique_id")["order_id"].agg(list)
    expected = (
        len(per_buyer),
        sum(any(order in paid_orders for order in buyer) for buyer in per_buyer),
        sum(len(buyer) >= 2 for buyer in per_buyer),
    )
    assert expected == (8016, 8013, 73)
    assert expected == one(
        home,
        "select count(*), count(*) filter (where paid_order_count > 0), "
        "count(*) filter (where order_count >= 2) from marts.dim_persons where persona = 'buyer'",
    )


def test_money_is_conserved_to_the_cent(home: Path, olist: dict[str, pd.DataFrame]) -> None:
    total = sum(olist["payments"]["payment_value"].map(Decimal), Decimal(0))
    expected = (len(olist["payments"]), total, "BRL", "BRL")
    assert expected == (8924, Decimal("1428602.81"), "BRL", "BRL")
    assert expected == one(
        home,
        "select count(payment_id), sum(paid_amount), min(currency_code), max(currency_code) "
        "from marts.fct_revenue_points where payment_id is not null",
    )
    by_kpi = "select sum(numerator) from marts.kpi_monthly where kpi = 'revenue' and dimension = "
    assert one(home, by_kpi + "'all'") == (total,)
    assert one(home, by_kpi + "'persona'") == (total,)


def test_reviews_are_accounted_for(home: Path, olist: dict[str, pd.DataFrame]) -> None:
    reviews = olist["reviews"]
    ids = reviews["review_id"].nunique()
    assert (len(reviews), ids) == (8225, 8191)
    assert one(
        home,
        "select row_count, loaded_count, quarantined_count, quarantine_reasons "
        "from marts.load_quality where table_name = 'answers'",
    ) == (len(reviews), ids, len(reviews) - ids, f"R_KEY_CONFLICT={len(reviews) - ids}")
    touched = "select count(*) from marts.fct_touchpoints where touchpoint_type = 'survey_answer'"
    assert one(home, touched) == (ids,)
    scores = reviews.drop_duplicates("review_id")["review_score"].astype(int)
    assert one(home, "select sum(score) from marts.fct_survey_scores") == (int(scores.sum()),)


def test_transitions_chain_for_every_person(home: Path) -> None:
    with read_release(home) as connection:
        rows = connection.execute(
            "select person_id, transition_number, from_stage, to_stage, occurred_at "
            "from marts.fct_stage_transitions order by person_id, transition_number"
        ).fetchall()
    stage: dict[str, str | None] = {}
    last: dict[str, object] = {}
    for person, number, from_stage, to_stage, at in rows:
        assert from_stage == stage.get(person)
        assert number == 1 or at >= last[person]
        stage[person], last[person] = to_stage, at
    # All leads, and all buyers with a paid order; three buyers never paid and signalled nothing.
    assert len(stage) == 8000 + 8013


def test_every_event_order_and_review_is_in_one_touchpoint(home: Path) -> None:
    assert one(
        home,
        """
        select
            count(*) filter (where touchpoint_type = 'web_event'),
            count(*) filter (where touchpoint_type = 'order'),
            count(distinct order_id) filter (where touchpoint_type = 'order'),
            count(distinct touchpoint_id) = count(*)
        from marts.fct_touchpoints
        """,
    ) == (8000, 8135, 8135, True)


CHANNELS = {"social": "organic_social", "direct_traffic": "direct"}
KNOWN = {
    "organic_search",
    "paid_search",
    "organic_social",
    "direct",
    "email",
    "referral",
    "display",
}


def seller_funnel(olist: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Of each lead how many steps it took in order: contact, lead, won, first sale, second sale."""

    def local(moments: pd.Series) -> pd.Series:
        zone = pd.to_datetime(moments).dt.tz_localize(
            "America/Sao_Paulo", nonexistent="shift_forward", ambiguous=False
        )
        return zone.dt.tz_convert("UTC").dt.tz_localize(None)

    leads = olist["leads"].merge(olist["deals"], on="mql_id", how="left")
    leads["contact_at"] = local(leads["first_contact_date"])
    leads["won_at"] = local(leads["won_date"])
    sales = olist["items"][["order_id", "seller_id"]].drop_duplicates()
    sales = sales.merge(olist["orders"], on="order_id")
    sales["sold_at"] = local(sales["order_purchase_timestamp"])
    sold = sales.groupby("seller_id")["sold_at"].agg(sorted).to_dict()
    gap = pd.Timedelta(days=90)
    rows = []
    for lead in leads.itertuples():
        touches = [(lead.won_at, "won")] if pd.notna(lead.won_at) else []
        touches += [(at, "sale") for at in sold.get(lead.seller_id, [])]
        steps, last, late = 2, lead.contact_at, False
        for at, kind in sorted(touches):
            if at < lead.contact_at:
                continue  # one seller was won before the first contact
            if at - last > gap:
                break  # a new journey
            last = at
            late = late or at >= lead.contact_at + gap
            if not late and kind == ("won" if steps == 2 else "sale"):
                steps += 1
        month = date.fromisoformat(lead.first_contact_date[:7] + "-01")
        origin = CHANNELS.get(lead.origin, lead.origin)
        channel = origin if origin in KNOWN else "unassigned"
        rows.append((month, channel, min(steps, 5)))
    return pd.DataFrame(rows, columns=["month", "channel", "steps"])


def test_the_leak_from_lead_to_second_sale_by_origin_and_month(
    home: Path, olist: dict[str, pd.DataFrame]
) -> None:
    leads = seller_funnel(olist)
    expected = {
        (month, channel, step): int((group["steps"] >= step).sum())
        for (month, channel), group in leads.groupby(["month", "channel"])
        for step in range(1, 6)
        if (group["steps"] >= step).any()
    }
    with read_release(home) as connection:
        found = connection.execute(
            "select month_start_date, dimension_value, step_number, reached_count "
            "from marts.kpi_funnel_monthly where stage_model = 'six' and dimension = 'channel'"
        ).fetchall()
    assert {row[:3]: row[3] for row in found} == expected
    totals = [int((leads["steps"] >= step).sum()) for step in range(1, 6)]
    # 842 leads were won, most of the rest later than the window or in a later journey.
    assert totals == [8000, 8000, 690, 59, 17]


def test_satisfaction_by_stage(home: Path) -> None:
    """Reviews before the goods came are bad, those after are good: the stage tells them apart."""
    with read_release(home) as connection:
        found = {
            stage: (answers, satisfied)
            for stage, answers, satisfied in connection.execute(
                """
                select stage, sum(answer_count), round(sum(answer_count * metric_value))
                from marts.kpi_feedback_monthly
                where metric = 'csat' and persona = 'all' and touchpoint_type = 'all'
                    and metric_value is not null
                group by stage
                """
            ).fetchall()
        }
        satisfied = dict(
            connection.execute(
                "select coalesce(stage_at_answer, '(not set)'), count(*) filter (where score >= 4) "
                "from marts.fct_survey_scores group by 1"
            ).fetchall()
        )
    assert found["purchase"][1] / found["purchase"][0] < 0.25
    assert found["use"][1] / found["use"][0] > 0.7
    # Months of fewer than five answers are suppressed, so sums may fall short by a few.
    assert all(0 <= satisfied[stage] - found[stage][1] < 30 for stage in ("purchase", "use"))


def test_what_hurts_first_are_orders_that_never_came(home: Path) -> None:
    found = one(
        home,
        "select stage, touchpoint_type, answer_count, dissatisfied_count "
        "from marts.kpi_pain_points where persona = 'all' and dissatisfaction_rank = 1",
    )
    assert found[:2] == ("purchase", "delivery")
    # Nobody was there, as nothing was delivered: most answers came before a delivery, if any.
    asked = f"select journey_count from marts.kpi_pain_points where {WHAT_HURTS}"
    assert one(home, asked) == (0,)
    answers, dissatisfied = found[2:]
    assert int(str(answers)) > 3000 and int(str(dissatisfied)) / int(str(answers)) > 0.75
    assert one(
        home,
        "select sum(answer_count) from marts.kpi_pain_points where persona = 'all'",
    ) == one(
        home,
        "select count(*) from marts.fct_survey_scores where touchpoint_type is not null",
    )


def test_what_olist_cannot_say_is_said(home: Path) -> None:
    with read_release(home) as connection:
        found = {
            row[0]
            for row in connection.execute(
                "select subject from marts.kpi_coverage_findings where finding = 'kpi_without_data'"
            ).fetchall()
        }
    assert found == {
        "impressions", "ad_clicks", "ctr", "ad_cost", "cpc", "roas", "roi",  # no ad costs
        "marketing_cost", "cac",  # nor any other
        "cart_abandonment_rate", "email_click_rate",  # no carts, no mails
        "tickets", "tickets_per_customer", "first_response_hours", "resolution_hours",  # no tickets
        "bot_handled_rate",
        "coupon_order_rate", "member_revenue_share",  # no coupons, no loyalty programme
        "cancellations", "negative_sentiment_rate",
        "ces", "nps",  # answers, but none to these questions
        "subscription_retention_rate", "subscription_churn_rate",  # nobody subscribes
    }  # fmt: skip
