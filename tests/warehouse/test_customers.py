"""Segments and states of customers, recomputed by pandas from the release of the sample."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from orchestration.developing.compiled import Project
from orchestration.developing.histories import File
from orchestration.developing.proving import World
from orchestration.estimating import groups
from tests.conftest import read_release


@pytest.fixture(scope="module")
def release(sample_home: Path) -> dict[str, pd.DataFrame]:
    names = (
        "dim_customers_360", "dim_persons", "fct_orders", "fct_revenue_points",
        "fct_person_states", "kpi_segment_migrations_monthly", "fct_stage_intervals",
        "fct_person_segments", "dim_labels", "fct_next_actions", "kpi_action_responses",
        "fct_survey_scores",
    )  # fmt: skip
    with read_release(sample_home) as connection:
        return {name: connection.execute(f"select * from marts.{name}").df() for name in names}


def local(times: pd.Series) -> pd.Series:
    zoned = times.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    return zoned.dt.normalize().dt.tz_localize(None)


LAST = pd.Timestamp("2026-09-30")


@pytest.fixture(scope="module")
def customers(release: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What the sample's customers did, up to its last day."""
    orders = release["fct_orders"]
    bought = orders[
        orders["is_paid"] & (orders["order_type"] != "renewal") & orders["person_id"].notna()
    ].copy()
    bought["day"] = local(bought["ordered_at"])
    points = release["fct_revenue_points"]
    year = points[local(points["occurred_at"]) >= pd.Timestamp("2025-10-01")]
    return pd.DataFrame(
        {
            "first": bought.groupby("person_id")["day"].min(),
            "last": bought.groupby("person_id")["day"].max(),
            "purchases": bought[bought["day"] >= pd.Timestamp("2025-10-01")]
            .groupby("person_id")
            .size(),
            "spent": year.groupby("person_id")["paid_amount_reporting"].sum(),
        }
    ).dropna(subset=["first"])


def test_every_person_stands_once(release: dict[str, pd.DataFrame]) -> None:
    ours, persons = release["dim_customers_360"], release["dim_persons"]
    assert sorted(ours["person_id"]) == sorted(persons["person_id"])
    assert ours["paid_amount_reporting"].sum() == persons["paid_amount_reporting"].sum()


def test_segments_equal_pandas(release: dict[str, pd.DataFrame], customers: pd.DataFrame) -> None:
    found = release["dim_customers_360"].set_index("person_id")
    assert set(found.index[found["lifecycle"].notna()]) == set(customers.index)
    found = found.loc[customers.index]
    silent = (LAST - customers["last"]).dt.days
    assert (found["days_since_purchase"] == silent).all()
    assert (found["purchase_count"] == customers["purchases"].fillna(0)).all()
    spent = customers["spent"].fillna(0).astype(float)
    assert (found["spent_amount_reporting"].astype(float) - spent).abs().max() < 0.001
    for score, values in (
        ("recency_score", customers["last"]),
        ("frequency_score", found["purchase_count"]),
        ("monetary_score", found["spent_amount_reporting"].astype(float)),
    ):
        fifth = ((values.rank(method="min") - 1) * 5 // len(values) + 1).astype(int)
        assert (found[score] == fifth).all(), score
    is_new = (LAST - customers["first"]).dt.days < 30
    assert (found.loc[is_new, "lifecycle"] == "new").all()
    rest = found[~is_new & (found["lifecycle"] != "won_back")]
    expected = pd.Series("at_risk", rest.index)
    expected[rest["days_since_purchase"] >= 180] = "lapsed"
    expected[(rest["days_since_purchase"] < 90) | rest["is_subscribed"]] = "active"
    assert (rest["lifecycle"] == expected).all()
    assert set(found["lifecycle"]) >= {"new", "active", "at_risk", "lapsed"}


def test_states_follow_each_other_without_a_gap_or_an_overlap(
    release: dict[str, pd.DataFrame],
) -> None:
    states = release["fct_person_states"].sort_values(
        ["state_type", "person_id", "state_from_date"]
    )
    after = states.groupby(["state_type", "person_id"])["state_from_date"].shift(-1)
    ended = states["state_to_date"]
    segments = states["state_type"] != "stage"
    assert (ended[segments & after.notna()] == after[segments & after.notna()]).all()
    assert (ended[~segments & after.notna()] <= after[~segments & after.notna()]).all()
    assert (ended.isna() == states["is_current"]).all()
    assert not (states["is_current"] & after.notna()).any()


def test_the_class_of_a_score_holds_until_another_one(release: dict[str, pd.DataFrame]) -> None:
    answers, states = release["fct_survey_scores"], release["fct_person_states"]
    for metric in ("nps", "csat"):
        mine = answers[(answers["metric"] == metric) & answers["score_class"].notna()]
        mine = mine.dropna(subset=["person_id"]).sort_values(["responded_at", "survey_score_id"])
        last = mine.groupby("person_id")["score_class"].last()
        now = states[(states["state_type"] == metric) & states["is_current"]]
        found = now.set_index("person_id")["state"]
        assert len(found) > 100 and found.sort_index().equals(last.rename("state").sort_index())
        changed = states[(states["state_type"] == metric) & ~states["is_current"]]
        assert len(changed) > 10


def test_who_is_in_a_segment_now_moved_there(release: dict[str, pd.DataFrame]) -> None:
    moves, now = release["kpi_segment_migrations_monthly"], release["dim_customers_360"]
    last = moves[moves["month_start_date"] == moves["month_start_date"].max()]
    for segmentation, column in (
        ("lifecycle", "lifecycle"), ("rfm", "rfm_segment"), ("value_tier", "value_tier"),
    ):  # fmt: skip
        arrived = last[last["segmentation"] == segmentation].groupby("to_segment")
        assert (
            arrived["moved_customer_count"].sum().to_dict()
            == now[column].dropna().value_counts().to_dict()
        )


def test_own_segments_are_what_their_conditions_say(release: dict[str, pd.DataFrame]) -> None:
    """The two segmentations of sample/rules, told again in pandas."""
    persons = release["dim_customers_360"].set_index("person_id")
    segments = release["fct_person_segments"]
    care = pd.Series("other", persons.index)
    is_evaluating = persons["current_stage"].isin(["awareness", "consideration"])
    is_business = persons["persona"] == "business"
    care[is_business & is_evaluating & (persons["paid_order_count"] == 0)] = "business_evaluating"
    is_unhappy = (persons["last_nps_score"] <= 6).fillna(False) | (persons["open_ticket_count"] > 0)
    care[(persons["value_tier"] == "high") & is_unhappy] = "unhappy_spenders"
    returns = pd.Series("other", persons.index)
    once = (persons["purchase_count"] == 1) & (persons["days_since_purchase"] >= 60).fillna(False)
    returns[once & ~persons["is_subscribed"]] = "one_time_buyers"
    returns[(persons["purchase_count"] >= 3) | persons["is_subscribed"]] = "regulars"
    leaving = pd.Series("other", persons.index)
    leaving[persons["risk_band"] == "high"] = "alike"
    for name, expected in (("own_care", care), ("own_return", returns), ("own_leaving", leaving)):
        found = segments[segments["segmentation"] == name].set_index("person_id")["segment"]
        assert (found.reindex(persons.index) == expected).all(), name
        assert expected.nunique() == (2 if name == "own_leaving" else 3), name
    labels = release["dim_labels"].set_index(["code_type", "code"])
    named = segments[["segmentation", "segment"]].drop_duplicates().apply(tuple, axis=1)
    assert set(named) <= set(labels.index)


def test_own_segments_by_what_each_month_tells_have_a_history(
    release: dict[str, pd.DataFrame],
) -> None:
    moves, segments = release["kpi_segment_migrations_monthly"], release["fct_person_segments"]
    assert set(moves["segmentation"]) == {"lifecycle", "rfm", "value_tier", "own_return"}
    states = release["fct_person_states"]
    now = states[(states["state_type"] == "own_return") & states["is_current"]]
    found = segments[segments["segmentation"] == "own_return"].set_index("person_id")["segment"]
    assert (found.loc[now["person_id"]].to_numpy() == now["state"].to_numpy()).all()
    # Whoever is not judged by months never bought, and so is in no segment of buyers.
    assert (found.drop(now["person_id"]) == "other").all() and len(now) > 400


def test_next_actions_keep_to_the_rules_of_the_sample(release: dict[str, pd.DataFrame]) -> None:
    """Budget, capacity, consent, gain above cost and the hold-out of sample/rules."""
    actions = release["fct_next_actions"].set_index("person_id")
    persons = release["dim_customers_360"].set_index("person_id")
    assert sorted(actions.index) == sorted(persons.index)
    chosen = actions[actions["reason_code"] == "chosen"]
    assert chosen["action_cost_amount_reporting"].sum() <= 20_000
    assert (chosen["net_gain_amount_reporting"] > 0).all() and len(chosen) > 100
    assert (chosen["next_action"] == "care_call").sum() <= 20
    mailed = chosen[chosen["channel"] == "email"]
    assert persons.loc[mailed.index, "has_marketing_consent"].all() and len(mailed) > 50
    held = actions[actions["is_hold_out"]]
    share = len(held) / (len(held) + len(chosen))
    assert 0.05 < share < 0.17 and (held["reason_code"] == "hold_out").all()
    told = persons["next_action"].dropna()
    assert told.to_dict() == chosen["next_action"].to_dict()
    labels = release["dim_labels"].set_index(["code_type", "code"])
    for column in ("next_action", "reason_code", "evidence_kind", "response_segment"):
        assert {(column, code) for code in actions[column].dropna()} <= set(labels.index)
    assert {("daypart", code) for code in actions["best_daypart"].dropna()} <= set(labels.index)


def test_responses_equal_pandas(release: dict[str, pd.DataFrame], sample_home: Path) -> None:
    """Newsletters: who ordered within 14 days and before the next one, told again."""
    with read_release(sample_home) as connection:
        sent = connection.execute(
            "select person_id, occurred_at as at from marts.fct_touchpoints "
            "where touchpoint_type = 'activity' and campaign = 'monthly_news' "
            "and person_id is not null"
        ).df()
    sent["day"] = local(sent["at"])
    sent = sent.groupby(["person_id", "day"], as_index=False)["at"].min().sort_values("at")
    sent["next"] = sent.groupby("person_id")["at"].shift(-1)
    window = sent["at"] + pd.Timedelta(days=14)
    sent["until"] = sent["next"].where(sent["next"] < window, window)
    sent = sent[window <= pd.Timestamp("2026-09-30 15:00:00")]
    orders = release["fct_orders"]
    orders = orders[orders["is_paid"] & (orders["order_type"] != "renewal")]
    pairs = sent.reset_index().merge(orders[["person_id", "ordered_at"]], on="person_id")
    hits = pairs[(pairs["ordered_at"] > pairs["at"]) & (pairs["ordered_at"] < pairs["until"])]
    found = release["kpi_action_responses"]
    found = found[found["action"] == "newsletter"]
    assert found["contacted_count"].sum() == len(sent)
    assert found["responded_count"].sum() == hits["index"].nunique() > 100
    assert set(found["evidence_kind"]) == {"observed_not_incremental"}


AS_OF = datetime(2026, 6, 30, 15)
TIMES = {
    "crm/contacts": "created_at", "web/events": "occurred_at", "crm/orders": "ordered_at",
    "crm/payments": "paid_at", "crm/activities": "occurred_at", "survey/answers": "responded_at",
}  # fmt: skip


def months_of_two_kinds(since: datetime, months: int) -> list[File]:
    """Of 180 customers every other one comes, orders and is content more than the rest."""
    draw = random.Random(months)
    files: dict[str, list[dict[str, str]]] = defaultdict(list)

    def add(table: str, key: str, at: datetime | None = None, **row: str) -> None:
        at = at or since + timedelta(days=30 * months * draw.random())
        row |= {key: f"{months}-{len(files[table])}", TIMES[table]: f"{at:%Y-%m-%dT%H:%M:%SZ}"}
        files[table].append(row)

    for customer in range(180):
        often, contact, user = customer % 2 == 0, f"c{customer}", f"u{customer}"
        if months > 1:
            told = f"{since:%Y-%m-%dT%H:%M:%SZ}"
            files["crm/contacts"].append(
                {"contact_id": contact, "user_id": user, "persona": "individual",
                 "created_at": told, "updated_at": told, "marketing_consent_at": told}
            )  # fmt: skip
        for _ in range(months * draw.randint(3, 5) if often else draw.randint(0, 2)):
            add("web/events", "event_id", visitor_id=f"v{customer}", user_id=user,
                event_name="page_view")  # fmt: skip
        for _ in range(draw.randint(6, 10) if often else draw.randint(1, 3)):
            add("crm/orders", "order_id", contact_id=contact, order_amount="3000",
                currency_code="JPY", status="completed", order_type="one_off")  # fmt: skip
            order = files["crm/orders"][-1]
            at = datetime.fromisoformat(order["ordered_at"].removesuffix("Z"))
            add("crm/payments", "payment_id", at,
                order_id=order["order_id"], payment_amount="3000", currency_code="JPY",
                payment_type="charge")  # fmt: skip
        add("crm/activities", "activity_id", contact_id=contact, activity_type="email",
            direction="outbound", channel="email", campaign="monthly_news")  # fmt: skip
        add("survey/answers", "response_id", contact_id=contact, survey_id="relationship",
            question_id="recommend", score="9" if often else "3")  # fmt: skip
    return [File(table, rows) for table, rows in files.items()]


def test_what_happens_later_changes_no_group_no_score_and_no_next_action(
    project: Project, tmp_path: Path
) -> None:
    """A month after the as-of is put beside all that is known; that it could tell, a slip shows."""
    code = {model.name: model.full for model in project.models}["int_churn_features_derived"]
    slip = (
        "recent_visit_count::double as recent_visit_count",
        "(select count(*) from staging.stg_crm__orders as orders inner join "
        "intermediate.int_contacts_resolved_to_persons as contacts using (contact_id) "
        "where contacts.person_id = judged.person_id)::double as recent_visit_count",
    )
    assert slip[0] in code
    as_of_at = f"{AS_OF:%Y-%m-%d %H:%M:%S}"
    slipped = code.replace(*slip).replace("2001-02-03 04:05:06", as_of_at)
    with project.connect() as connection:
        world = World(project, connection, tmp_path)

        def told() -> dict[str, pd.DataFrame]:
            world.load()
            world.build(as_of_at)
            marts = ("dim_customers_360", "kpi_behaviour_groups", "fct_churn_risks",
                     "kpi_churn_model_cards", "fct_next_actions")  # fmt: skip
            found = {
                name: connection.execute(f"select * from marts.{name} order by all").df()
                for name in marts
            }
            features = connection.execute(f"select * from ({slipped})").df()
            return {**found, "slipped": groups.propose(features)}

        for file in months_of_two_kinds(AS_OF - timedelta(days=360), 12):
            world.arrive(file)
        before = told()
        for file in months_of_two_kinds(AS_OF, 1):
            world.arrive(file)
        after = told()
    people = before["dim_customers_360"]
    assert people["behaviour_group"].nunique() > 1 and people["churn_risk_rate"].nunique() > 1
    assert people["next_action"].nunique() >= 1 and len(people) == 180
    assert not after.pop("slipped").equals(before.pop("slipped"))
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, after[name], obj=name)
