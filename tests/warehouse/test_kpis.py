"""Every KPI of the catalogue once more, in pandas, from the facts of the sample's release."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

DAY = pd.Timedelta(days=1)
RETENTION, ONBOARDING, LIFETIME = 90 * DAY, 30 * DAY, 180 * DAY
NOT_SET = "(not set)"


def business_day(moments: pd.Series) -> pd.Series:
    """Days in Tokyo, nine hours ahead of UTC all year."""
    return (moments + pd.Timedelta(hours=9)).dt.normalize()


def tables(home: Path) -> dict[str, pd.DataFrame]:
    names = {
        "sessions": "marts.fct_sessions",
        "touches": "marts.fct_touchpoints",
        "points": "marts.fct_revenue_points",
        "scores": "marts.fct_survey_scores",
        "persons": "marts.dim_persons",
        "identifiers": "marts.dim_person_identifiers",
        "credits": "marts.fct_attribution_credits",
        "months": "intermediate.int_subscription_months_valued",
        "traffic": "intermediate.int_traffic_matched_to_channels",
        "deals": "staging.stg_crm__deals",
        "tickets": "staging.stg_crm__tickets",
        "contacts": "staging.stg_crm__contacts",
        "answers": "staging.stg_survey__answers",
        "subscriptions": "staging.stg_crm__subscriptions",
        "activities": "staging.stg_crm__activities",
        "ad_costs": "staging.stg_web__ad_costs",
        "events": "staging.stg_web__events",
        "rates": "seeds.currency_rates",
        "raw_orders": "raw_crm.orders",
        "kpis": "marts.dim_kpis",
        "daily": "marts.kpi_daily",
        "release": "marts.release_info",
    }
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb"), read_only=True) as c:
        return {name: c.execute(f"select * from {table}").df() for name, table in names.items()}


def rows(
    frame: pd.DataFrame, day: pd.Series, quantity: object = 1, **dimensions: str
) -> pd.DataFrame:
    """One quantity per row, with the dimensions that are told."""
    out = pd.DataFrame({"day": day, "quantity": quantity}, index=frame.index)
    for name in ("channel", "persona", "device"):
        column = dimensions.get(name)
        out[name] = frame[column].fillna(NOT_SET) if column else NOT_SET
    return out


def acts(t: dict[str, pd.DataFrame]) -> pd.Series:
    """Which touchpoints of the sample are what the person did, said once more."""
    touches = t["touches"]
    kinds = t["activities"].set_index("activity_id")
    known = touches[["activity_id"]].join(kinds[["direction", "outcome"]], on="activity_id")
    renewals = t["points"].loc[t["points"]["point_type"] == "renewal", "order_id"]
    name, is_activity = touches["touchpoint_name"], touches["touchpoint_type"] == "activity"
    answered = known["outcome"].isin(["opened", "clicked"]) | (known["direction"] == "inbound")
    met = name.isin(["meeting", "onboarding"]) | ((name == "call") & (known["outcome"] == "done"))
    ordered = (touches["touchpoint_type"] == "order") & ~touches["order_id"].isin(renewals)
    others = ["web_session", "web_event", "ticket", "survey_answer", "referral", "recommendation"]
    return touches["touchpoint_type"].isin(others) | ordered | (is_activity & (answered | met))


def paid_orders(t: dict[str, pd.DataFrame]) -> set[str]:
    """Orders of which some money, in some currency, was not given back."""
    money = t["points"][t["points"]["payment_id"].notna()]
    left = money.groupby(["order_id", "currency_code"])["paid_amount"].sum()
    return set(left[left > 0].index.get_level_values("order_id"))


def measures(t: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    persona = t["persons"].set_index("person_id")["persona"]
    last_day = business_day(t["release"]["as_of_at"] - pd.Timedelta(seconds=1))[0]
    found: dict[str, pd.DataFrame] = {}

    sessions = t["sessions"].sort_values(["started_at", "session_id"])
    sessions["persona"] = sessions["person_id"].map(persona)
    sessions["day"] = pd.to_datetime(sessions["session_date"])
    by = {"channel": "channel", "persona": "persona", "device": "device_type"}
    found["sessions"] = rows(sessions, sessions["day"], **by)
    found["engaged_sessions"] = found["sessions"][sessions["is_engaged"]]
    found["visitors"] = found["sessions"][~sessions.duplicated(["visitor_id", "day"])]
    found["new_visitors"] = found["sessions"][~sessions.duplicated("visitor_id")]

    touches = t["touches"].sort_values("touchpoint_number")
    touches["day"] = business_day(touches["occurred_at"])
    touches["device"] = touches["session_id"].map(sessions.set_index("session_id")["device_type"])
    by = {"channel": "channel", "persona": "persona", "device": "device"}
    web = touches[touches["touchpoint_type"] == "web_event"]
    requests = web[web["touchpoint_name"] == "generate_lead"]
    found["document_requests"] = rows(requests, requests["day"], **by)
    # Who asked on the web, or took a call or meeting, before the first paid order, and how first.
    ordered_at = t["points"][t["points"]["point_type"].isin(["order", "renewal"])]
    ordered_at = ordered_at[ordered_at["order_id"].isin(paid_orders(t))]
    bought_at = ordered_at.groupby("person_id")["occurred_at"].min()
    asked = (touches["touchpoint_type"] == "web_event") & touches["touchpoint_name"].isin(
        ["generate_lead", "request_quote"]
    )
    spoken = touches["touchpoint_name"].isin(["call", "meeting"]) & acts(t).loc[touches.index]
    spoken &= (touches["touchpoint_type"] == "activity") & ~touches["is_inbound"]
    until = touches["person_id"].map(bought_at)
    leads = touches[(asked | spoken) & (until.isna() | (touches["occurred_at"] <= until))]
    leads = leads[~leads.duplicated("person_id") | leads["person_id"].isna()]
    found["lead_conversions"] = rows(leads, leads["day"], **by)
    found["lead"] = found["lead_conversions"][asked.loc[leads.index]]
    found["outbound_lead"] = found["lead_conversions"][spoken.loc[leads.index]]
    signed = web[web["touchpoint_name"] == "sign_up"]
    signed = signed[~signed.duplicated("person_id") | signed["person_id"].isna()]
    found["registration"] = rows(signed, signed["day"], **by)
    adds = web[web["touchpoint_name"] == "add_to_cart"]
    found["cart_adds"] = rows(adds, adds["day"], **by)
    referrals = touches[touches["touchpoint_type"] == "referral"]
    found["referrals"] = rows(referrals, referrals["day"], **by)
    bought = set(web.loc[web["touchpoint_name"] == "purchase", "session_id"])
    carts = sessions[sessions["session_id"].isin(set(adds["session_id"]))]
    found["cart_sessions"] = found["sessions"].loc[carts.index]
    abandoned = carts[~carts["session_id"].isin(bought)]
    found["abandoned_carts"] = found["sessions"].loc[abandoned.index]

    # An order is in the visit that was going on when its first event came.
    placed = t["events"][t["events"]["is_known"] & t["events"]["order_id"].notna()]
    placed = placed.sort_values(["occurred_at", "event_id"]).drop_duplicates("order_id")
    placed = pd.merge_asof(
        placed, sessions[["visitor_id", "started_at", "session_id"]],
        left_on="occurred_at", right_on="started_at", by="visitor_id",
    )  # fmt: skip
    assert placed["session_id"].notna().all() and len(placed) > 400
    with_order = sessions[sessions["session_id"].isin(set(placed["session_id"]))]
    found["order_sessions"] = found["sessions"].loc[with_order.index]
    aimed = web["touchpoint_name"].isin(["generate_lead", "request_quote", "sign_up", "purchase"])
    aimed_at = set(web.loc[aimed, "session_id"]) | set(with_order["session_id"])
    with_aim = sessions[sessions["session_id"].isin(aimed_at)]
    found["converting_sessions"] = found["sessions"].loc[with_aim.index]

    contact_of = t["identifiers"].query("identifier_type == 'contact'")
    person_of = contact_of.set_index("identifier_value")["person_id"]
    mails = t["activities"].query(
        "is_known and activity_type in ['email', 'mailing'] and direction == 'outbound'"
    )
    persona_of = mails["contact_id"].map(person_of).map(persona)
    mails = mails.assign(persona=persona_of, channel="email")
    by = {"channel": "channel", "persona": "persona"}
    found["emails_sent"] = rows(mails, business_day(mails["occurred_at"]), **by)
    found["emails_clicked"] = found["emails_sent"][mails["outcome"] == "clicked"]
    deals = t["deals"][t["deals"]["is_known"] & t["deals"]["closed_at"].notna()].copy()
    deals["persona"] = deals["contact_id"].map(person_of).map(persona)
    found["deals_closed"] = rows(deals, business_day(deals["closed_at"]), persona="persona")
    found["deals_won"] = found["deals_closed"][deals["deal_status"] == "won"]
    tickets = t["tickets"][t["tickets"]["is_known"]].merge(
        touches[["ticket_id", "persona"]].dropna(subset="ticket_id"), on="ticket_id"
    )
    day = business_day(tickets["opened_at"])
    found["tickets"] = rows(tickets, day, persona="persona")
    answered = tickets["first_responded_at"].notna()
    hours = (tickets["first_responded_at"] - tickets["opened_at"]).dt.total_seconds() / 3600
    found["tickets_responded"] = found["tickets"][answered]
    found["first_response_hours"] = rows(tickets, day, hours, persona="persona")[answered]
    solved = tickets["resolved_at"].notna()
    hours = (tickets["resolved_at"] - tickets["opened_at"]).dt.total_seconds() / 3600
    found["tickets_resolved"] = found["tickets"][solved]
    found["resolution_hours"] = rows(tickets, day, hours, persona="persona")[solved]
    assert set(tickets["handled_by"].dropna()) == {"agent", "bot", "bot_then_agent"}
    found["handled_tickets"] = found["tickets"][tickets["handled_by"].notna()]
    found["bot_handled_tickets"] = found["tickets"][tickets["handled_by"] == "bot"]

    ads = t["ad_costs"][t["ad_costs"]["is_known"]].merge(
        t["traffic"][["traffic_source", "traffic_medium", "utm_campaign", "channel"]],
        left_on=["utm_source", "utm_medium", "utm_campaign"],
        right_on=["traffic_source", "traffic_medium", "utm_campaign"],
    )
    assert set(ads["currency_code"]) == {"JPY"}
    day = pd.to_datetime(ads["cost_date"])
    counted = {"impressions": "impression_count", "ad_clicks": "click_count"}
    for measure, column in {**counted, "ad_cost": "cost_amount"}.items():
        found[measure] = rows(ads, day, ads[column].astype(float), channel="channel")
    assert ads["impression_count"].notna().all()
    clicked = ads[["impression_count", "click_count"]].min(axis=1).astype(float)
    found["impressions_clicked"] = rows(ads, day, clicked, channel="channel")

    points = t["points"]
    points["day"] = business_day(points["occurred_at"])
    points["persona"] = points["person_id"].map(persona)
    by = {"channel": "preceding_channel", "persona": "persona"}
    orders = points[
        points["point_type"].isin(["order", "renewal"]) & points["order_id"].isin(paid_orders(t))
    ].sort_values("paid_order_number")
    renewed = orders["point_type"] == "renewal"
    found["renewals"] = rows(orders, orders["day"], **by)[renewed]
    device = orders["order_id"].map(
        placed.set_index("order_id")["session_id"].map(
            sessions.set_index("session_id")["device_type"]
        )
    )
    orders["channel_told"] = orders["preceding_channel"].fillna("unassigned")
    told = orders.assign(device=device, channel=orders["channel_told"])
    told = rows(told, told["day"], channel="channel", persona="persona", device="device")
    found["order_conversions"] = told[~renewed]
    visited = orders["order_id"].isin(placed.dropna(subset=["session_id"])["order_id"])
    since = orders["day"] >= business_day(t["events"].query("is_known")["occurred_at"]).min()
    found["measured_orders"] = told[~renewed & since]
    found["offline_orders"] = told[~renewed & since & ~visited]
    coupons = orders["order_id"].map(
        t["raw_orders"].set_index("order_id")["coupon_code"].replace("", pd.NA)
    )
    assert set(coupons.dropna()) >= {"SPRING10", "spring10"}
    told_since = business_day(
        t["raw_orders"].loc[t["raw_orders"]["coupon_code"].notna(), "ordered_at"]
    )
    since = orders["day"] >= told_since.min()
    without_device = rows(orders, orders["day"], channel="channel_told", persona="persona")
    found["coupon_measured_orders"] = without_device[~renewed & since]
    found["coupon_orders"] = without_device[~renewed & since & coupons.notna()]
    amount = orders["contracted_amount_reporting"].astype(float)
    found["paid_order_value"] = rows(orders, orders["day"], amount, **by)[~renewed]
    first = orders[~orders.duplicated("person_id")]
    assert (first["paid_order_number"] == 1).all() and (first["point_type"] == "order").all()
    found["first_order"] = told.loc[first.index]
    later = orders[orders.duplicated("person_id") & ~renewed]
    found["repeat_order"] = told.loc[later.index]
    starts = orders[orders["subscription_id"].notna() & ~renewed].sort_values("occurred_at")
    found["subscription_start"] = told.loc[starts.drop_duplicates("subscription_id").index]
    money = points[points["point_type"].isin(["payment", "refund", "chargeback"])].copy()
    money["paid"] = money["paid_amount_reporting"].astype(float)
    found["net_paid"] = rows(money, money["day"], money["paid"], **by)
    is_renewal = money["order_id"].isin(points.loc[points["point_type"] == "renewal", "order_id"])
    found["order_net_paid"] = found["net_paid"][~is_renewal]
    found["renewal_net_paid"] = found["net_paid"][is_renewal]
    # What was given back of an order's money, on the day of its first charge.
    charges = money[money["paid"] > 0].sort_values(["occurred_at", "revenue_point_id"])
    charges = charges.drop_duplicates("order_id").set_index("order_id")
    charged = money["paid"].clip(lower=0).groupby(money["order_id"]).sum()
    returned = -money["paid"].clip(upper=0).groupby(money["order_id"]).sum()
    charged, returned = charged.reindex(charges.index), returned.reindex(charges.index)
    found["charged"] = rows(charges, charges["day"], charged, **by)
    joined = charges["person_id"].map(t["persons"].set_index("person_id")["member_since_at"])
    known = t["contacts"].query("is_known and member_since_at.notna()", engine="python")
    since = charges["day"] >= business_day(known["member_since_at"]).min()
    found["membership_measured_charged"] = rows(charges, charges["day"], charged, **by)[since]
    was_member = joined <= charges["occurred_at"]
    assert was_member.sum() < joined.notna().sum()
    found["member_charged"] = rows(charges, charges["day"], charged, **by)[was_member]
    found["refunded"] = rows(charges, charges["day"], returned.clip(upper=charged), **by)
    done = touches[touches["cost_amount"].notna()]
    assert set(done["currency_code"]) == {"JPY"}
    spent_on = rows(done, done["day"], done["cost_amount"].astype(float), channel="channel")
    found["marketing_cost"] = pd.concat([found["ad_cost"], spent_on])
    credits = t["credits"][t["credits"]["method"] == "last_non_direct"].copy()
    costing = found["marketing_cost"].query("quantity > 0")["channel"]
    credits = credits[credits["channel"].isin(costing)]
    credits["persona"] = credits["person_id"].map(persona)
    found["ad_net_paid"] = rows(
        credits,
        business_day(credits["occurred_at"]),
        credits["paid_amount_reporting"].astype(float),
        channel="channel",
        persona="persona",
    )
    costs = found["marketing_cost"].assign(quantity=lambda frame: -frame["quantity"])
    found["ad_return"] = pd.concat([found["ad_net_paid"], costs])

    # Answers and tickets that were judged, from the staged tables and who gave them.
    judged = t["answers"][t["answers"]["is_known"] & t["answers"]["sentiment"].notna()].copy()
    mail_of = t["identifiers"].query("identifier_type == 'email'")
    mail_of = mail_of.set_index("identifier_value")["person_id"]
    who = judged["contact_id"].map(person_of).fillna(judged["email_hash"].map(mail_of))
    judged["persona"] = who.map(persona)
    judged["at"] = judged["responded_at"]
    judged = pd.concat(
        [judged, tickets[tickets["sentiment"].notna()].assign(at=tickets["opened_at"])]
    )
    found["judged_mentions"] = rows(judged, business_day(judged["at"]), persona="persona")
    negative = (judged["sentiment"] == "negative").to_numpy()
    found["negative_mentions"] = found["judged_mentions"][negative]

    scores = t["scores"]
    everyone = rows(scores, business_day(scores["responded_at"]), persona="persona")
    points_told = rows(
        scores, business_day(scores["responded_at"]), scores["score"], persona="persona"
    )
    for metric in ("csat", "ces", "nps"):
        found[f"{metric}_answers"] = everyone[scores["metric"] == metric]
    found["csat_satisfied"] = everyone[scores["score_class"] == "satisfied"]
    found["ces_points"] = points_told[scores["metric"] == "ces"]
    found["nps_promoters"] = everyone[(scores["metric"] == "nps") & (scores["score"] >= 9)]
    against = everyone[(scores["metric"] == "nps") & (scores["score"] <= 6)]
    found["nps_balance"] = pd.concat([found["nps_promoters"], against.assign(quantity=-1)])
    found["reviews"] = everyone[scores["is_public_review"]]

    orders = orders[orders["person_id"].notna()].copy()
    bought = orders["point_type"] == "order"
    customer = orders["person_id"]
    orders["previous_at"] = orders["occurred_at"].where(bought).groupby(customer).ffill()
    orders["previous_at"] = orders["previous_at"].groupby(customer).shift()
    orders["next_day"] = orders["day"].where(bought).groupby(customer).bfill()
    orders["next_day"] = orders["next_day"].groupby(customer).shift(-1)
    first = orders[orders["paid_order_number"] == 1].copy()
    touched = first["person_id"].map(t["persons"].set_index("person_id")["first_touch_at"])
    waited = (first["occurred_at"] - touched).dt.total_seconds() / 86400
    found["days_to_purchase"] = rows(first, first["day"], waited, **by)
    later = orders[orders["previous_at"].notna() & (orders["point_type"] == "order")]
    between = (later["occurred_at"] - later["previous_at"]).dt.total_seconds() / 86400
    found["days_between_orders"] = rows(later, later["day"], between, **by)
    customer_since = first.set_index("person_id")["day"]
    present = touches[acts(t).loc[touches.index] & touches["person_id"].isin(customer_since.index)]
    present = present[present["day"] >= present["person_id"].map(customer_since)]
    present = present.drop_duplicates(["person_id", "day"])
    found["active_customers"] = rows(present, present["day"], persona="persona")
    found["active_customer_days"] = found["reachable_customer_days"] = found["active_customers"]

    used = touches[touches["signalled_stage"].eq("use") & acts(t).loc[touches.index]]
    used = used[used["touchpoint_type"].isin(["web_event", "activity"])]
    used = used[used["person_id"].notna()].drop_duplicates(["person_id", "day"])
    found["usage_days"] = rows(used, used["day"], persona="persona")
    found["using_customers"] = found["usage_days"]

    def judged(frame: pd.DataFrame, wait: pd.Timedelta, quantity: object = 1) -> pd.DataFrame:
        out = rows(frame, frame["day"] + wait, quantity, **by)
        return out[out["day"] <= last_day]

    kept = orders["next_day"] <= orders["day"] + RETENTION
    single = orders["subscription_id"].isna()
    found["orders_judged"] = judged(orders[single], RETENTION)
    found["orders_retained"] = judged(orders[single & kept], RETENTION)
    found["orders_churned"] = judged(orders[single & ~kept], RETENTION)
    months = t["months"].sort_values(["subscription_id", "month_start_date"])
    months["persona"] = months["customer_id"].map(persona)
    months["paid"] = months["monthly_amount"] > 0
    months = months[months.groupby("subscription_id")["paid"].shift().eq(True)]
    ends = pd.to_datetime(months["month_start_date"]) + pd.offsets.MonthEnd(0)
    found["subscriptions_judged"] = rows(months, ends, persona="persona")
    found["subscriptions_retained"] = found["subscriptions_judged"][months["paid"]]
    found["subscriptions_churned"] = found["subscriptions_judged"][~months["paid"]]
    # What is followed by another of the customer at the same instant is a change of plan.
    ended = t["subscriptions"][t["subscriptions"]["ended_at"].notna()].copy()
    begins = t["subscriptions"][["contact_id", "started_at"]].rename(
        columns={"started_at": "ended_at"}
    )
    ended = ended.merge(begins.drop_duplicates(), how="left", indicator="goes_on")
    ended = ended[ended["goes_on"] == "left_only"]
    ever_paid = points.loc[points["order_id"].isin(paid_orders(t)), "subscription_id"]
    ended = ended[ended["subscription_id"].isin(ever_paid)]
    ended["persona"] = ended["contact_id"].map(person_of).map(persona)
    day = business_day(ended["ended_at"])
    found["subscriptions_cancelled"] = rows(ended, day, persona="persona")
    done = touches[
        touches["touchpoint_name"].isin(["onboarding", "training", "tutorial_complete"])
    ].merge(first[["person_id", "occurred_at", "day"]], on="person_id", suffixes=("", "_bought"))
    done = done[
        (done["occurred_at"] >= done["occurred_at_bought"])
        & (done["day"] <= done["day_bought"] + ONBOARDING)
    ]
    found["customers_to_onboard"] = judged(first, ONBOARDING)
    found["customers_onboarded"] = judged(
        first[first["person_id"].isin(done["person_id"])], ONBOARDING
    )
    spent = money.merge(first[["person_id", "day"]], on="person_id", suffixes=("", "_bought"))
    spent = spent[spent["day"] <= spent["day_bought"] + LIFETIME]
    worth = first["person_id"].map(spent.groupby("person_id")["paid"].sum()).fillna(0.0)
    found["customers_valued"] = judged(first, LIFETIME)
    found["lifetime_paid"] = judged(first, LIFETIME, worth)
    return found


@pytest.fixture(scope="module")
def facts(sample_home: Path) -> dict[str, pd.DataFrame]:
    return tables(sample_home)


@pytest.fixture(scope="module")
def expected(facts: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return measures(facts)


def sums(measure: pd.DataFrame, dimension: str) -> pd.Series:
    values = measure.assign(all="all").groupby(["day", dimension])["quantity"].sum()
    return values.astype(float).rename_axis(["day", "value"])


def test_every_kpi_of_every_day_and_dimension_equals_pandas(
    facts: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]
) -> None:
    daily = facts["daily"].assign(day=pd.to_datetime(facts["daily"]["kpi_date"]))
    for kpi in facts["kpis"].itertuples():
        told = daily[daily["kpi"] == kpi.kpi]
        sides = {"numerator": kpi.numerator_measure}
        if isinstance(kpi.denominator_measure, str):
            sides["denominator"] = kpi.denominator_measure
        for dimension in ("all", "channel", "persona", "device"):
            found = told[told["dimension"] == dimension].set_index(["day", "dimension_value"])
            for side, measure in sides.items():
                values = found[side].astype(float).rename_axis(["day", "value"])
                both = pd.concat([values, sums(expected[measure], dimension)], axis=1).fillna(0)
                difference = (both.iloc[:, 0] - both.iloc[:, 1]).abs().max()
                # Four digits are kept of hours and days.
                assert difference < 0.001, (kpi.kpi, dimension, side, difference)


def test_every_kpi_has_a_value_in_the_last_full_months(sample_home: Path) -> None:
    with duckdb.connect(str(sample_home / "warehouse" / "warehouse.duckdb"), read_only=True) as c:
        without = c.execute(
            """
            select kpis.kpi, months.month_start_date
            from marts.dim_kpis as kpis
            cross join (
                select distinct month_start_date from marts.kpi_monthly
                where month_start_date >= date '2026-07-01'
            ) as months
            left join marts.kpi_monthly as monthly
                on kpis.kpi = monthly.kpi and dimension = 'all'
                and months.month_start_date = monthly.month_start_date
            where monthly.kpi_value is null
            """
        ).fetchall()
        findings = c.execute("select * from marts.kpi_coverage_findings").fetchall()
        months = c.execute(
            "select count(distinct month_start_date) from marts.kpi_monthly "
            "where month_start_date >= date '2026-07-01'"
        ).fetchone()
    assert (without, findings, months) == ([], [], (3,))


@pytest.mark.parametrize("home_name", ["sample_home", "story_home"])
def test_shares_lie_between_nothing_and_the_whole(
    home_name: str, request: pytest.FixtureRequest
) -> None:
    """Of every day, week, month, channel, persona and device; the same as the test of dbt."""
    home: Path = request.getfixturevalue(home_name)
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb"), read_only=True) as c:
        frames = [
            c.execute(
                "select kpi, dimension, dimension_value, numerator, denominator, kpi_value "
                f"from marts.kpi_{period} inner join marts.dim_kpis as kpis using (kpi) "
                "where kpis.unit = 'share'"
            ).df()
            for period in ("daily", "weekly", "monthly")
        ]
    told = pd.concat(frames)
    assert told["kpi"].nunique() >= 6 and set(told["dimension"]) >= {"all", "channel", "persona"}
    assert told["denominator"].notna().all()
    assert (told["numerator"] <= told["denominator"]).all() and (told["numerator"] >= 0).all()
    assert told["kpi_value"].dropna().between(0, 1).all()


def test_attainment_is_told_where_a_ratio_means_something(sample_home: Path) -> None:
    with duckdb.connect(str(sample_home / "warehouse" / "warehouse.duckdb"), read_only=True) as c:
        told = c.execute(
            "select monthly.*, kpis.scale, kpis.direction from marts.kpi_monthly as monthly "
            "inner join marts.dim_kpis as kpis using (kpi) where target is not null "
            "and kpi_value is not null and month_start_date >= date '2026-07-01'"
        ).df()
    assert set(told.loc[told["scale"] == "interval", "kpi"]) == {"nps"}
    told[["kpi_value", "target"]] = told[["kpi_value", "target"]].astype(float)
    gap = told["kpi_value"] - told["target"]
    assert (told["gap_to_target"].astype(float) - gap).abs().max() < 1e-5
    assert told.loc[told["scale"] == "interval", "attainment_rate"].isna().all()
    told = told[told["scale"] == "ratio"]
    share = (told["kpi_value"] / told["target"]).where(
        told["direction"] == "up", told["target"] / told["kpi_value"]
    )
    off = (told["attainment_rate"].astype(float) - share).abs()
    assert (off <= share * 0.5e-6 / told["kpi_value"] + 1e-6).all()  # values have six decimals
    # The month that the page shows; the targets of the seed are made for the sample.
    last = share[pd.to_datetime(told["month_start_date"]) == pd.Timestamp("2026-09-01")]
    assert len(last) >= 10 and last.between(0.8, 1.2).all(), last


def uniques(t: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Who came, on which day, and with which traits: each to be counted once per period."""
    persona = t["persons"].set_index("person_id")["persona"]
    visits = t["sessions"].sort_values(["started_at", "session_id"])
    visitors = pd.DataFrame(
        {
            "measure": "visitors",
            "who": visits["visitor_id"],
            "day": pd.to_datetime(visits["session_date"]),
            "channel": visits["channel"],
            "persona": visits["person_id"].map(persona),
            "device": visits["device_type"],
        }
    )
    points = t["points"][t["points"]["order_id"].isin(paid_orders(t))]
    points = points[points["point_type"].isin(["order", "renewal"])]
    since = business_day(points.groupby("person_id")["occurred_at"].min())
    touches = t["touches"][acts(t)].sort_values("touchpoint_number")
    customers = pd.DataFrame(
        {
            "measure": "active_customers",
            "who": touches["person_id"],
            "day": business_day(touches["occurred_at"]),
            "persona": touches["person_id"].map(persona),
        }
    )
    customers = customers[customers["day"] >= customers["who"].map(since)]
    reachable = customers.assign(measure="reachable_customer_days")
    used = touches[touches["signalled_stage"].eq("use") & touches["person_id"].notna()]
    used = used[used["touchpoint_type"].isin(["web_event", "activity"])]
    users = pd.DataFrame(
        {
            "measure": "using_customers",
            "who": used["person_id"],
            "day": business_day(used["occurred_at"]),
            "persona": used["person_id"].map(persona),
        }
    )
    told = pd.concat([visitors, customers, reachable, users]).assign(all="all")
    told[["channel", "persona", "device"]] = told[["channel", "persona", "device"]].fillna(NOT_SET)
    return told.sort_values("day", kind="stable")


@pytest.mark.parametrize("period", ["weekly", "monthly"])
def test_weeks_and_months_are_divided_sums_of_days_and_uniques_of_their_own(
    sample_home: Path, facts: dict[str, pd.DataFrame], period: str
) -> None:
    with duckdb.connect(str(sample_home / "warehouse" / "warehouse.duckdb"), read_only=True) as c:
        told = c.execute(f"select * from marts.kpi_{period}").df()
        distinct = c.execute("select measure from seeds.kpi_measures where is_distinct").df()

    def start(day: pd.Series) -> pd.Series:
        if period == "weekly":
            return day - pd.to_timedelta(day.dt.dayofweek, unit="D")
        return day.dt.to_period("M").dt.start_time

    days = facts["daily"].assign(day=pd.to_datetime(facts["daily"]["kpi_date"]))
    days["start"] = start(days["day"])
    key = ["start", "kpi", "dimension", "dimension_value"]
    sides = ["numerator", "denominator"]
    days[sides] = days[sides].astype(float)
    again = days.groupby(key)[sides].sum(min_count=1).reset_index()
    kpis = facts["kpis"].set_index("kpi")
    again = again.join(kpis[["numerator_measure", "denominator_measure", "multiplier"]], on="kpi")
    again = again.join(kpis[["minimum_denominator"]], on="kpi")

    present = uniques(facts)
    present["start"] = start(present["day"])
    present = present.drop_duplicates(["measure", "who", "start"])
    last_day = business_day(facts["release"]["as_of_at"] - pd.Timedelta(seconds=1))[0]
    length = pd.Timedelta(days=7) if period == "weekly" else pd.offsets.MonthBegin(1)
    ends = (present["start"] + length - DAY).clip(upper=last_day)
    reachable = present["measure"] == "reachable_customer_days"
    present["quantity"] = ((ends - present["start"]).dt.days + 1).where(reachable, 1)
    counted = pd.concat(
        [
            present.rename(columns={dimension: "dimension_value"})
            .groupby(["start", "measure", "dimension_value"])["quantity"]
            .sum()
            .reset_index()
            .assign(dimension=dimension)
            for dimension in ("all", "channel", "persona", "device")
        ]
    ).set_index(["start", "measure", "dimension", "dimension_value"])["quantity"]
    assert set(distinct["measure"]) == set(present["measure"])
    for side in sides:
        is_unique = again[f"{side}_measure"].isin(distinct["measure"])
        names = again.loc[is_unique, ["start", f"{side}_measure", "dimension", "dimension_value"]]
        found = counted.reindex(pd.MultiIndex.from_frame(names)).fillna(0).to_numpy()
        again.loc[is_unique, side] = found
    again = again.set_index(key)

    told["start"] = pd.to_datetime(
        told[{"weekly": "week", "monthly": "month"}[period] + "_start_date"]
    )
    told = told.set_index(key)
    assert len(told) == len(again)
    assert (
        told["is_complete"]
        .eq((told.index.get_level_values("start") + length) <= last_day + DAY)
        .all()
    )
    ratio = (
        again["multiplier"]
        * again["numerator"]
        / again["denominator"].where(
            (again["denominator"] != 0)
            & ~(again["denominator"] < again["minimum_denominator"].fillna(0))
        )
    )
    value = ratio.where(
        again["denominator_measure"].notna(), again["multiplier"] * again["numerator"]
    )
    found = told["kpi_value"].astype(float).reindex(value.index)
    assert (found.isna() == value.isna()).all()
    assert (found - value).abs().max() < 0.00001


def test_percentiles_of_support_are_those_of_pandas(sample_home: Path) -> None:
    with duckdb.connect(str(sample_home / "warehouse" / "warehouse.duckdb"), read_only=True) as c:
        tickets = c.execute("select * from staging.stg_crm__tickets where is_known").df()
        told = c.execute("select * from marts.kpi_support_monthly").df()
    tickets["month"] = business_day(tickets["opened_at"]).dt.to_period("M").dt.start_time
    for name, until in (("response", "first_responded_at"), ("resolution", "resolved_at")):
        tickets[name] = (tickets[until] - tickets["opened_at"]).dt.total_seconds() / 3600
    told = told.set_index(["dimension", "month_start_date", "dimension_value"])
    for dimension in ("all", "ticket_channel", "ticket_category", "handled_by"):
        tickets["value"] = "all" if dimension == "all" else tickets[dimension].fillna(NOT_SET)
        slices = tickets.groupby(["month", "value"])
        found = told.loc[dimension].sort_index()
        assert found["opened_ticket_count"].tolist() == slices.size().sort_index().tolist()
        for name in ("response", "resolution"):
            for share, label in ((0.5, "median"), (0.9, "p90")):
                right = slices[name].quantile(share).sort_index()
                both = pd.DataFrame({"found": found[f"{label}_{name}_hours"], "right": right})
                assert (both["found"].isna() == both["right"].isna()).all()
                assert (both["found"] - both["right"]).abs().max() < 0.0002


def test_who_is_where_at_an_instant(sample_home: Path) -> None:
    """The query of docs/journeys-and-kpis.md, at the instant of the run and at earlier ones."""
    query = """
        select person_id, to_stage
        from marts.fct_stage_model_transitions
        where stage_model = 'six' and occurred_at <= $instant::timestamp
        qualify row_number() over (partition by person_id order by transition_number desc) = 1
    """
    stays = """
        select person_id, stage from marts.fct_stage_intervals
        where entered_at <= $instant::timestamp
            and (left_at is null or left_at > $instant::timestamp)
    """
    with duckdb.connect(str(sample_home / "warehouse" / "warehouse.duckdb"), read_only=True) as c:
        for instant in ("2025-09-01 00:00:00", "2026-03-31 15:00:00", "2026-09-30 15:00:00"):
            found = {p: s for p, s in c.execute(query, {"instant": instant}).fetchall() if s}
            assert found == dict(c.execute(stays, {"instant": instant}).fetchall())
            assert len(found) > 100
        current = c.execute(
            "select person_id, current_stage from marts.dim_persons where current_stage is not null"
        ).fetchall()
        assert found == dict(current)
