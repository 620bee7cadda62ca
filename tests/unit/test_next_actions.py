"""Next actions: the exact choice against all choices there are, hold-outs, and shrunk rates."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln

from tests.conftest import python_model

ACTIONS = python_model("int_next_actions_matched")
RATES = python_model("int_action_rates_scored")


def offers(
    gains: dict[tuple[str, str], float],
    costs: dict[str, float],
    budget: float | None = None,
    capacities: dict[str, int] | None = None,
    hold_out: float = 0.0,
) -> pd.DataFrame:
    """Offers of one programme: gain by person and action, cost by action."""
    return pd.DataFrame(
        [
            {
                "person_id": person,
                "programme": "care",
                "action": action,
                "action_order": sorted(costs).index(action),
                "offer_status": "eligible",
                "action_cost_amount_reporting": costs[action],
                "gain_amount_reporting": gain,
                "hold_out_rate": hold_out,
                "hold_out_salt": "salt",
                "budget_amount_reporting": np.nan if budget is None else budget,
                "daily_capacity": (capacities or {}).get(action, np.nan),
            }
            for (person, action), gain in gains.items()
        ]
    )


def best_by_trying(given: pd.DataFrame) -> float:
    """The largest net gain of all choices that keep to the limits."""
    persons = [[None, *rows.itertuples()] for _, rows in given.groupby("person_id")]
    return max(net_of([one for one in chosen if one]) for chosen in itertools.product(*persons))


def net_of(taken: list[Any]) -> float:
    """What offers gain in all; less than nothing where they break a limit."""
    costs: dict[str, float] = {}
    counts: dict[str, int] = {}
    for one in taken:
        costs[one.programme] = costs.get(one.programme, 0) + one.action_cost_amount_reporting
        counts[one.action] = counts.get(one.action, 0) + 1
        if costs[one.programme] > one.budget_amount_reporting + 1e-9:
            return -1.0
        if counts[one.action] > one.daily_capacity:
            return -1.0
    return sum(one.gain_amount_reporting - one.action_cost_amount_reporting for one in taken)


def drawn(generator: np.random.Generator) -> pd.DataFrame:
    """A few persons with offers of up to three programmes: ties, no money, gains below the cost."""
    actions, count = generator.integers(1, 5), generator.integers(1, 4)
    programmes = generator.integers(0, count, actions)
    costs = generator.choice([0, 0.005, 1, 2.5, 3, 7, 10], actions)
    budgets = generator.choice([np.nan, 0, 0.001, 1, 5, 7.5, 12, 20], count)
    capacities = generator.choice([np.nan, np.nan, 0, 1, 2, 3], actions)
    tied = generator.choice([1.0, 2.0, 3.0], 2)
    kind = generator.integers(3)
    gains = (
        lambda: generator.integers(-3, 6),
        lambda: generator.choice(tied),
        lambda: round(generator.gamma(1, 3), 3),
    )
    rows = [
        offers({(f"p{person}", f"a{action}"): costs[action] + gains[kind]()},
               {f"a{action}": costs[action]}, budgets[programmes[action]],
               {f"a{action}": capacities[action]}
        ).assign(programme=f"programme {programmes[action]}", action_order=action)
        for person in range(generator.integers(1, 7))
        for action in range(actions)
        if generator.random() < 0.8
    ]  # fmt: skip
    return pd.concat(rows) if rows else drawn(generator)


def test_the_choice_is_the_best_of_all() -> None:
    for seed in range(150):
        given = drawn(np.random.default_rng(seed))
        found = ACTIONS.assign(given)
        assert found["person_id"].is_unique
        taken = list(found.merge(given, on=["person_id", "action"]).itertuples())
        assert len(taken) == len(found)
        assert net_of(taken) == pytest.approx(best_by_trying(given), abs=1e-5), seed
        assert (found["optimality_gap_rate"] < 1e-5).all()


@pytest.mark.parametrize("cost", [300.0, 299.0])
def test_a_long_list_ends_and_says_how_near_it_is_to_the_best(cost: float) -> None:
    """A little money for many people who gain nearly alike: no proof by trying ends here."""
    generator = np.random.default_rng(3)
    gains = {
        (f"p{person}", action): round(float(worth * rate), 3)
        for person, worth in enumerate(generator.lognormal(8.5, 0.8, 4000))
        for action, rate in (("call", 0.2), ("visit", 0.5), ("mail", 0.01))
    }
    costs = {"call": cost, "visit": 3000.0, "mail": 5.0}
    given = offers(gains, costs, 20_000.0)
    found = ACTIONS.assign(
        given[given["gain_amount_reporting"] > given["action_cost_amount_reporting"]]
    )
    assert 0 <= found["optimality_gap_rate"].max() < 1e-3
    used = found["action"].map(costs).sum()
    assert 20_000 - 5 < used <= 20_000


def test_the_greedy_choice_would_be_worse() -> None:
    """By net gain per money the small one comes first, and leaves no room for what gains most."""
    gains = {("p", "a"): 5.0, ("q", "b"): 18.0}
    costs = {"a": 1.0, "b": 10.0}
    found = ACTIONS.assign(offers(gains, costs, budget=10))
    assert list(found["person_id"]) == ["q"]


@pytest.mark.parametrize("hold_out", [0.0, 0.5])
def test_without_a_budget_s_money_nobody_is_chosen(hold_out: float) -> None:
    gains = {(f"p{number}", "call"): 9.0 + number for number in range(40)}
    assert ACTIONS.assign(offers(gains, {"call": 5.0}, budget=0, hold_out=hold_out)).empty


def test_a_capacity_that_is_unknown_to_the_database_is_no_limit() -> None:
    given = offers({("p", "call"): 9.0, ("q", "mail"): 9.0}, {"call": 5.0, "mail": 5.0})
    for capacities in ([None, 3], [None, None]):
        found = ACTIONS.assign(given.assign(daily_capacity=pd.array(capacities, dtype="Int32")))
        assert list(found["action"]) == ["call", "mail"]


def test_only_what_is_eligible_is_chosen_and_nothing_of_nothing() -> None:
    given = offers({("p", "call"): 9.0}, {"call": 5.0})
    assert ACTIONS.assign(given.assign(offer_status="no_consent")).empty
    assert list(ACTIONS.assign(given.iloc[:0]).columns) == ACTIONS.COLUMNS


def test_equal_offers_are_parted_by_a_hash_whatever_their_order() -> None:
    gains = {(f"p{number}", "call"): 9.0 for number in range(200)}
    given = offers(gains, {"call": 5.0}, budget=100)
    found = ACTIONS.assign(given)
    assert len(found) == 20
    pd.testing.assert_frame_equal(
        found, ACTIONS.assign(given.sample(frac=1, random_state=1))
    )  # fmt: skip
    assert list(found["person_id"]) != sorted(gains)[:20]


def test_who_is_held_out_is_stable_and_would_have_been_chosen() -> None:
    gains = {(f"p{number:04}", "call"): 6.0 + number % 10 for number in range(2000)}
    given = offers(gains, {"call": 5.0}, budget=2500, hold_out=0.2)
    found = ACTIONS.assign(given)
    held = found[found["is_hold_out"]]
    chosen = found[~found["is_hold_out"]]
    assert len(chosen) == 500  # the budget is spent on those who are offered something
    expected = {p for p, _ in gains if ACTIONS.place_of("care", "salt", p) < 0.2}
    assert set(held["person_id"]) <= expected and not set(chosen["person_id"]) & expected
    assert 330 < len(expected) < 470
    # The same choice: those who gain least of the chosen gain as much as of the held out.
    least = min(gains[p, "call"] for p in chosen["person_id"])
    assert min(gains[p, "call"] for p in held["person_id"]) >= least
    more = ACTIONS.assign(offers({**gains, ("new", "call"): 7.0}, {"call": 5.0}, 2500, None, 0.2))
    assert set(more[more["is_hold_out"]]["person_id"]) <= expected | {"new"}
    other = {p for p, _ in gains if ACTIONS.place_of("care", "another", p) < 0.2}
    assert len(expected & other) < 150


def test_of_equals_as_many_are_held_out_as_would_have_been_chosen() -> None:
    """All gain alike and there is money for every fourth: nobody else was held out of anything."""
    gains = {(f"p{number:04}", "call"): 9.0 for number in range(4000)}
    found = ACTIONS.assign(offers(gains, {"call": 5.0}, budget=4500, hold_out=0.1))
    held = found["is_hold_out"].sum()
    assert (~found["is_hold_out"]).sum() == 900
    free = sum(ACTIONS.place_of("care", "salt", person) >= 0.1 for person, _ in gains)
    assert held == pytest.approx((4000 - free) * 900 / free, rel=0.2)


def test_who_is_held_out_gets_nothing_of_another_programme_instead() -> None:
    """Else those held out would be those only for whom nobody else had anything."""
    persons = [f"p{number:04}" for number in range(1000)]
    gains = {(person, action): gain for person in persons
             for action, gain in (("call", 9.0), ("mail", 6.0))}  # fmt: skip
    given = offers(gains, {"call": 5.0, "mail": 5.0}, None, {"mail": 500}, 0.2)
    other = given["action"] == "mail"
    given.loc[other, ["programme", "hold_out_rate"]] = ["news", 0.0]
    found = ACTIONS.assign(given).set_index("person_id")
    held = {person for person in persons if ACTIONS.place_of("care", "salt", person) < 0.2}
    assert set(found.index[found["is_hold_out"]]) == held
    assert set(found["action"]) == {"call"}


def counts(*rows: tuple[str, int, int]) -> pd.DataFrame:
    named = [
        {"action": "mail", "response_segment": s, "contacted_count": n, "responded_count": r,
         "offered_count": 0, "offered_response_count": 0,
         "held_out_count": 0, "held_out_response_count": 0}
        for s, n, r in rows
    ]  # fmt: skip
    return pd.DataFrame(named)


def test_a_segment_with_few_contacts_goes_by_the_others() -> None:
    """One answer of one contact is no certainty."""
    found = RATES.score(counts(("new", 1, 1), ("active", 1000, 100), ("lapsed", 1000, 20)))
    rates = found.set_index("response_segment")["expected_response_rate"]
    assert rates["active"] == pytest.approx(0.1, abs=0.003)
    assert rates["lapsed"] == pytest.approx(0.02, abs=0.003)
    overall = 121 / 2001
    assert overall < rates["new"] < 0.5
    assert rates["prospect"] == pytest.approx(overall, abs=1e-6)  # never tried
    assert found["held_out_rate"].isna().all()


def test_the_strength_of_the_overall_rate_is_found_again() -> None:
    """Segments drawn around one rate: shrunk rates are nearer to the truth than raw ones."""
    generator = np.random.default_rng(5)
    better = 0
    for _ in range(200):
        truth = generator.beta(0.05 * 80, 0.95 * 80, 6)
        tries = generator.integers(5, 400, 6)
        answers = generator.binomial(tries, truth)
        if not answers.sum():
            continue
        shrunk = RATES.shrunk(tries.astype(float), answers.astype(float))
        better += ((shrunk - truth) ** 2).sum() < ((answers / tries - truth) ** 2).sum()
    assert better > 140
    tries, answers = np.array([50.0, 400.0, 300.0]), np.array([9.0, 20.0, 3.0])
    overall = answers.sum() / tries.sum()
    best = max(
        RATES.STRENGTHS,
        key=lambda m: (
            betaln(m * overall + answers, m * (1 - overall) + tries - answers)
            - betaln(m * overall, m * (1 - overall))
        ).sum(),
    )
    assert RATES.strength(tries, answers) == best


def test_without_contacts_there_are_no_rates() -> None:
    empty = RATES.score(counts().reindex(columns=counts(("new", 1, 1)).columns))
    assert list(empty.columns) == RATES.COLUMNS and empty.empty
    none = RATES.score(counts(("new", 0, 0)))
    assert none["expected_response_rate"].isna().all()


def test_an_effect_that_was_planted_is_found_and_what_would_have_come_is_not() -> None:
    """Of those offered 8 % order, of those held out 5 %: 8 % of contacts is not what it brings."""
    generator = np.random.default_rng(11)
    tries, effects = 4000, []
    for _ in range(100):
        offered, held = generator.binomial(tries, [0.08, 0.05])
        given = counts(("active", tries, offered)).assign(
            offered_count=tries, offered_response_count=offered,
            held_out_count=tries, held_out_response_count=held,
        )  # fmt: skip
        rates = RATES.score(given).set_index("response_segment").loc["active"]
        assert abs(rates["expected_response_rate"] - 0.08) < 0.02
        effects.append(rates["offered_rate"] - rates["held_out_rate"])
    error = np.sqrt((0.08 * 0.92 + 0.05 * 0.95) / tries)  # of one comparison
    assert abs(np.mean(effects) - 0.03) < 4 * error / 10
    assert np.std(effects) == pytest.approx(error, rel=0.3)
