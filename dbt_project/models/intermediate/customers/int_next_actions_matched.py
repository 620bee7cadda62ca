"""
The next action of each person: what gains most in all, under budgets and capacities.

An integer programme over the whole list, by HiGHS: at most one action for each person, the cost of
a programme's actions within its budget, the persons of an action within its capacity; gain less
cost is largest. Persons with equal offers are one variable per action, a count: that is exact, and
who of them gets which is decided by a hash, not by the solver.

Whoever is held out (a hash of programme, salt and person below the hold-out rate) takes no part.
To know later what the others would have done without the action, they are matched with the action
that they would have got: the best one at the prices that budgets and capacities had for the others,
the duals of the linear programme.
"""

import hashlib

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

COLUMNS = ["person_id", "action", "is_hold_out"]


def place_of(programme: str, salt: str, person_id: str) -> float:
    """A number from 0 to 1 that a person has in a programme, the same each time."""
    digest = hashlib.sha256(f"{programme}|{salt}|{person_id}".encode()).hexdigest()
    return int(digest[:13], 16) / 16**13


def groups_of(offers: pd.DataFrame) -> tuple[list[list[str]], list[list[tuple]]]:
    """
    Persons with equal offers, and those offers: action, gain less cost, cost, programme.

    Persons of a group stand in the order of a hash, groups in the order of their offers.
    """
    of_person = {}
    for person, *offer in offers.sort_values(["person_id", "action_order", "action"])[
        ["person_id", "action", "net", "cost", "programme"]
    ].itertuples(index=False):
        of_person.setdefault(person, []).append(tuple(offer))
    groups = {}
    for person, profile in of_person.items():
        groups.setdefault(tuple(profile), []).append(person)
    ordered = sorted(groups.items())
    for _, members in ordered:
        members.sort(key=lambda person: hashlib.sha256(person.encode()).hexdigest())
    return [members for _, members in ordered], [list(profile) for profile, _ in ordered]


def limits_of(offers: pd.DataFrame) -> tuple[dict[str, float], dict[str, float]]:
    """Budget by programme and capacity by action, of those that have one."""
    budgets = offers.groupby("programme")["budget"].first().dropna()
    capacities = offers.groupby("action")["daily_capacity"].first().dropna()
    return budgets.to_dict(), capacities.to_dict()


def choose(
    sizes: list[int],
    profiles: list[list[tuple]],
    budgets: dict[str, float],
    capacities: dict[str, float],
) -> tuple[list[list[int]], dict[tuple[str, str], float]]:
    """How many of each group get each of its actions, and the price of each limit."""
    offers = [(group, *offer) for group, profile in enumerate(profiles) for offer in profile]
    net = np.array([offer[2] for offer in offers])
    limits = [("programme", name) for name in sorted(budgets)]
    limits += [("action", name) for name in sorted(capacities)]
    row_of = {limit: len(profiles) + number for number, limit in enumerate(limits)}
    entries = []
    for column, (group, action, _, cost, programme) in enumerate(offers):
        entries.append((group, column, 1.0))
        if programme in budgets:
            entries.append((row_of["programme", programme], column, cost))
        if action in capacities:
            entries.append((row_of["action", action], column, 1.0))
    rows, columns, values = (np.array(one) for one in zip(*entries, strict=True))
    shape = len(profiles) + len(limits), len(offers)
    matrix = csr_array((values, (rows, columns)), shape=shape)
    upper = np.array([*sizes, *(budgets[n] for n in sorted(budgets)),
                      *(capacities[n] for n in sorted(capacities))], dtype=float)  # fmt: skip
    largest = np.array([sizes[offer[0]] for offer in offers], dtype=float)
    relaxed = linprog(-net, A_ub=matrix, b_ub=upper, bounds=np.c_[np.zeros(len(net)), largest],
                      method="highs-ds")  # fmt: skip
    exact = milp(-net, integrality=np.ones(len(net)), bounds=Bounds(0, largest),
                 constraints=LinearConstraint(matrix, -np.inf, upper),
                 options={"mip_rel_gap": 0.0})  # fmt: skip
    if exact.x is None or relaxed.x is None:
        raise RuntimeError(f"the next actions could not be chosen: {exact.message}")
    prices = {
        limit: round(max(0.0, -float(relaxed.ineqlin.marginals[row])), 6)
        for limit, row in row_of.items()
    }
    counts = [[0] * len(profile) for profile in profiles]
    place = [0] * len(profiles)
    for (group, *_), count in zip(offers, exact.x, strict=True):
        counts[group][place[group]] = int(round(count))
        place[group] += 1
    return counts, prices


def assign(offers: pd.DataFrame) -> pd.DataFrame:
    """One row per person with a next action, or held out from one."""
    eligible = offers[offers["offer_status"] == "eligible"].copy()
    if eligible.empty:
        return pd.DataFrame({name: [] for name in COLUMNS}).astype(
            {"person_id": "str", "action": "str", "is_hold_out": "bool"}
        )
    eligible["cost"] = eligible["action_cost_amount_reporting"].astype(float)
    eligible["net"] = (eligible["gain_amount_reporting"].astype(float) - eligible["cost"]).round(3)
    eligible["budget"] = eligible["budget_amount_reporting"].astype(float)
    eligible["is_hold_out"] = [
        place_of(programme, salt, person) < rate
        for programme, salt, person, rate in zip(
            eligible["programme"], eligible["hold_out_salt"], eligible["person_id"],
            eligible["hold_out_rate"].astype(float), strict=True,
        )  # fmt: skip
    ]
    budgets, capacities = limits_of(eligible)
    found, prices = [], {("programme", name): 0.0 for name in budgets}
    free = eligible[~eligible["is_hold_out"]]
    if not free.empty:
        groups, profiles = groups_of(free)
        counts, prices = choose([len(one) for one in groups], profiles, budgets, capacities)
        for members, profile, numbers in zip(groups, profiles, counts, strict=True):
            rest = iter(members)
            for (action, *_), count in zip(profile, numbers, strict=True):
                found += [(next(rest), action, False) for _ in range(count)]
    served = {person for person, _, _ in found}
    held = eligible[eligible["is_hold_out"] & ~eligible["person_id"].isin(served)].copy()
    held["priced"] = [
        round(net - cost * prices.get(("programme", programme), 0.0)
              - prices.get(("action", action), 0.0), 6)
        for net, cost, programme, action in zip(
            held["net"], held["cost"], held["programme"], held["action"], strict=True
        )
    ]  # fmt: skip
    can_be_paid = held["budget"].isna() | (held["budget"] >= held["cost"])
    best = held[(held["priced"] > 0) & can_be_paid].sort_values(
        ["person_id", "priced", "action_order", "action"], ascending=[True, False, True, True]
    )
    best = best.drop_duplicates("person_id")
    found += [(*one, True) for one in zip(best["person_id"], best["action"], strict=True)]
    return pd.DataFrame(sorted(found), columns=COLUMNS).astype(
        {"person_id": "str", "action": "str", "is_hold_out": "bool"}
    )


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    return assign(dbt.ref("int_action_offers_valued").df())
