"""
The next action of each person: what gains most in all, under budgets and capacities.

An integer programme over the whole list: at most one action for each person, the cost of a
programme's actions within its budget, the persons of an action within its capacity; gain less cost
is largest, to a millionth of the whole. It stays solvable with many persons:

- The dual of its linear programme has one price per limit. It is found by cutting planes (Kelley
  1960), each a linear programme of that size for HiGHS. At these prices each person has a best
  action, and their sum is a bound that no choice exceeds.
- An action that is worse for a person than their best one by more than the bound lies above some
  choice is in no better choice. What is left, the persons at the margin, is for HiGHS's branch and
  bound (Pisinger 1995 calls it the core).

Persons with equal offers are one variable per action, a count; who of them gets which is decided by
a hash, not by the solver.

Whoever is held out (a hash of programme, salt and person below the hold-out rate) takes no part.
To know later what the others would have done without the action, they are matched with the action
that they would have got: the best one at the same prices.
"""

import hashlib
from math import fsum

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

CUTS = 200  # of the dual at most; any prices give a bound, better ones a nearer
NODES = 5_000  # of the branch and bound at most, a count rather than a time: the same everywhere
TOLERANCE = 1e-6  # of the whole net gain, by which another choice may be better
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


def prices_of(
    net: np.ndarray, uses: np.ndarray, limits: np.ndarray, group: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, float]:
    """The price of each limit, and the bound that it gives: the dual of the linear programme."""
    if not len(limits):
        return np.zeros(0), fsum(sizes * best_of(net, group, len(sizes))[0])
    uppers = [float((net[row > 0] / row[row > 0]).max(initial=0)) for row in uses]
    prices, best, least = np.zeros(len(limits)), np.zeros(len(limits)), np.inf
    slopes, starts = [], []
    for _ in range(CUTS):
        values, chosen = best_of(priced(net, uses, prices), group, len(sizes))
        height = fsum([*(limits * prices), *(sizes * values)])
        if height < least:
            best, least = prices, height
        taken = chosen >= 0
        used = (fsum(row[chosen[taken]] * sizes[taken]) for row in uses)
        slope = limits - np.array(list(used))
        slopes.append([*slope, -1.0])
        starts.append(fsum(slope * prices) - height)
        found = linprog([0.0] * len(limits) + [1.0], A_ub=np.array(slopes), b_ub=np.array(starts),
                        bounds=[*((0.0, upper) for upper in uppers), (0.0, None)])  # fmt: skip
        if found.x is None or least - found.x[-1] <= 1e-9 * max(1.0, least):
            break
        prices = found.x[:-1]
    return best.round(9), least


def priced(net: np.ndarray, uses: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """What each offer gains at some prices; summed limit by limit, so alike on every processor."""
    for row, price in zip(uses, prices, strict=True):
        net = net - row * price
    return net


def best_of(values: np.ndarray, group: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each group the largest value, at least 0, and the first offer that has it; -1 for none."""
    best = np.zeros(count)
    np.maximum.at(best, group, values)
    chosen = np.full(count, -1)
    hits = np.flatnonzero((values == best[group]) & (values > 0))[::-1]
    chosen[group[hits]] = hits
    return best, chosen


def choose(
    sizes: list[int],
    profiles: list[list[tuple]],
    budgets: dict[str, float],
    capacities: dict[str, float],
) -> tuple[list[list[int]], dict[tuple[str, str], float]]:
    """How many of each group get each of its actions, and the price of each limit."""
    offers = [(number, *offer) for number, profile in enumerate(profiles) for offer in profile]
    names = [("programme", name) for name in sorted(budgets)]
    names += [("action", name) for name in sorted(capacities)]
    limits = np.array([*(budgets[name] for name in sorted(budgets)),
                       *(capacities[name] for name in sorted(capacities))])  # fmt: skip
    group = np.array([offer[0] for offer in offers])
    size, net = np.array(sizes, dtype=float), np.array([offer[2] for offer in offers])
    uses = np.zeros((len(names), len(offers)))
    for row, (kind, name) in enumerate(names):
        uses[row] = [
            (offer[3] if offer[4] == name else 0.0) if kind == "programme" else offer[1] == name
            for offer in offers
        ]
    prices, bound = prices_of(net, uses, limits, group, size)
    margin = TOLERANCE * bound
    while True:
        counts = choice_within(margin, TOLERANCE * bound, net, uses, limits, group, size, prices)
        below = bound - fsum(net * counts) if counts is not None else 10 * margin
        if counts is not None and below <= max(margin, TOLERANCE * bound) + 1e-6:
            break
        margin = max(below, margin * 1.001)
    of_group: list[list[int]] = [[] for _ in profiles]
    for number, count in zip(group, counts, strict=True):
        of_group[number].append(int(count))
    return of_group, {name: round(float(one), 6) for name, one in zip(names, prices, strict=True)}


def choice_within(
    margin: float,
    tolerance: float,
    net: np.ndarray,
    uses: np.ndarray,
    limits: np.ndarray,
    group: np.ndarray,
    size: np.ndarray,
    prices: np.ndarray,
) -> np.ndarray | None:
    """The best choice of all that lie below the bound by no more than a margin; None without."""
    values = priced(net, uses, prices)
    best, _ = best_of(values, group, len(size))

    def most(regret: np.ndarray, of: np.ndarray) -> np.ndarray:
        return np.minimum(of, np.floor((margin + 1e-6) / np.maximum(regret, 1e-9)))

    upper, none = most(best[group] - values, size[group]), most(best, size)
    ways = np.bincount(group, weights=upper > 0, minlength=len(size)) + (none > 0)
    counts = np.where(ways[group] == 1, upper, 0.0)
    rest = limits - np.array([fsum(row * counts) for row in uses])
    free = np.flatnonzero((ways[group] > 1) & (upper > 0))
    if not len(free):
        return counts if (rest >= -1e-9).all() else None
    groups, row = np.unique(group[free], return_inverse=True)
    persons = csr_array((np.ones(len(free)), (row, np.arange(len(free)))),
                        shape=(len(groups), len(free)))  # fmt: skip
    constraints = [LinearConstraint(persons, size[groups] - none[groups], size[groups])]
    if len(limits):
        constraints.append(LinearConstraint(uses[:, free], -np.inf, rest))
    whole = fsum(size[groups] * best_of(net[free], row, len(groups))[0])
    found = milp(-net[free], integrality=np.ones(len(free)), bounds=Bounds(0, upper[free]),
                 constraints=constraints,
                 options={"mip_rel_gap": tolerance / max(whole, 1e-9),
                          "node_limit": NODES})  # fmt: skip
    if found.x is None:
        return None
    counts[free] = np.round(found.x)
    return counts


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
            eligible["programme"],
            eligible["hold_out_salt"],
            eligible["person_id"],
            eligible["hold_out_rate"].astype(float),
            strict=True,
        )
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
