"""
The next action of each person: what gains most in all, under budgets and capacities.

An integer programme over the whole list: at most one action for each person, the cost of a
programme's actions within its budget, the persons of an action within its capacity; gain less cost
is largest.

- The dual of its linear programme has one price per limit. It is found by cutting planes (Kelley
  1960), each a linear programme of that size for HiGHS. At these prices each person has a best
  action, and their sum is a bound that no choice exceeds.
- Whoever loses more by their second best action than a margin gets the best one. The others, the
  core (Pisinger 1995), are for HiGHS's branch and bound, persons with equal offers as one count. A
  choice that is as near to the bound as the margin is the best of all, since every other one that
  leaves the core is further away.
- A core begins small and grows until that holds or the bound is a millionth away, but never beyond
  `LARGEST`: so a night ends. What another choice may gain at most stands beside the result.

Whoever is held out of a programme (a hash of it, salt and person below the hold-out rate) takes no
part in it. To know later what the others would have done without the action, they are matched with
what they would have got: the best one at the same prices, or by the same shares where persons with
equal offers get different ones. Whoever would have got nothing is not held out of anything, and
who is held out gets no other action that day.
"""

import hashlib
from dataclasses import dataclass
from math import floor, fsum, gcd

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

CUTS = 200  # of the dual at most; any prices give a bound, better ones a nearer
SMALLEST, LARGEST = 250, 1_000  # second best offers in a core
NODES = 500  # of a branch and bound at most, a count rather than a time: the same everywhere
TOLERANCE = 1e-6  # of the whole net gain, by which another choice may be better
NOISE = 1e-6  # of amounts, below which they are the same
COLUMNS = ["person_id", "action", "is_hold_out", "optimality_gap_rate"]
TYPES = dict(zip(COLUMNS, ["str", "str", "bool", "float64"], strict=True))


def place_of(*parts: str) -> float:
    """A number from 0 to 1 that the parts have, the same each time."""
    return int(hashlib.sha256("|".join(parts).encode()).hexdigest()[:13], 16) / 16**13


@dataclass
class Limits:
    """What each action uses of each budget and capacity, and how much there is of it."""

    uses: np.ndarray
    amounts: np.ndarray


@dataclass
class Choice:
    """The column that each person gets, and what decided it."""

    columns: np.ndarray
    prices: np.ndarray
    margin: float
    gap: float
    gap_rate: float


def limits_of(offers: pd.DataFrame, actions: list[str]) -> Limits:
    """Budgets of programmes, capacities of actions; the first column stands for no action."""
    of = offers.drop_duplicates("action").set_index("action").loc[actions]
    rows, amounts = [], []
    budgets = of.drop_duplicates("programme").set_index("programme")["budget"].dropna()
    for programme, budget in budgets.sort_index().items():
        costs = np.where(of["programme"] == programme, of["cost"], 0.0)
        rows.append([0.0, *costs])
        # What is left of the last common step of the costs buys nothing.
        step = gcd(*(round(1000 * cost) for cost in costs)) / 1000
        amounts.append(step * floor(budget / step + NOISE) if step else float(budget))
    for action, capacity in of["daily_capacity"].dropna().sort_index().items():
        rows.append([0.0, *(of.index == action).astype(float)])
        amounts.append(float(capacity))
    return Limits(np.array(rows).reshape(len(rows), len(actions) + 1), np.array(amounts))


def priced(net: np.ndarray, limits: Limits, prices: np.ndarray) -> np.ndarray:
    """What each offer gains at some prices; summed limit by limit, so alike on every processor."""
    for row, price in zip(limits.uses, prices, strict=True):
        net = net - row * price
    return net


def used(limits: Limits, taken: np.ndarray) -> np.ndarray:
    """How much of each limit so many of each action use."""
    return np.array([fsum(row * taken) for row in limits.uses])


def prices_of(net: np.ndarray, limits: Limits) -> tuple[np.ndarray, float]:
    """The price of each limit, and the bound that it gives: the dual of the linear programme."""
    count = len(limits.amounts)
    most = net.max(axis=0, initial=0)
    uppers = [(most[row > 0] / row[row > 0]).max(initial=0) for row in limits.uses]
    prices, best, least = np.zeros(count), np.zeros(count), np.inf
    slopes, starts = [], []
    for _ in range(CUTS if count else 1):
        values = priced(net, limits, prices)
        height = fsum([*(limits.amounts * prices), *values.max(axis=1)])
        if height < least:
            best, least = prices, height
        taken = np.bincount(values.argmax(axis=1), minlength=net.shape[1])
        slope = limits.amounts - used(limits, taken)
        slopes.append([*slope, -1.0])
        starts.append(fsum(slope * prices) - height)
        found = linprog([0.0] * count + [1.0], A_ub=np.array(slopes), b_ub=np.array(starts),
                        bounds=[*((0.0, upper) for upper in uppers), (0.0, None)])  # fmt: skip
        if found.x is None or least - found.x[-1] <= 1e-9 * max(1.0, least):
            break
        prices = found.x[:-1]
    return best.round(9), least


def near(net: np.ndarray, limits: Limits, prices: np.ndarray, margin: float) -> np.ndarray:
    """The offers that are no further than a margin from the person's best one; of others -inf."""
    values = priced(net, limits, prices)
    is_near = values.max(axis=1)[:, None] - values <= margin + NOISE
    return np.where(is_near & np.isfinite(net), net, -np.inf)


def choose(net: np.ndarray, limits: Limits) -> Choice:
    """The column of each person; persons stand in the order in which equals are served."""
    prices, bound = prices_of(net, limits)
    ordered = np.sort(priced(net, limits, prices), axis=1)
    regrets = np.sort(ordered[:, -1] - ordered[:, -2])
    size, best = SMALLEST, None
    while True:
        margin = float(regrets[size]) if size < len(regrets) else np.inf
        columns, most = choice_within(near(net, limits, prices, margin), limits, TOLERANCE * bound)
        if columns is not None:
            value = fsum(net[np.arange(len(net)), columns])
            # No choice within the core gains more than `most`; one that leaves it is further away.
            gap = max(min(bound, max(most, bound - margin)) - value, 0.0)
            if best is None or gap < best.gap:
                best = Choice(columns, prices, margin, gap, gap / max(value, NOISE))
            if gap <= TOLERANCE * bound + NOISE:
                break
        if margin == np.inf or (best is not None and size >= LARGEST):
            break
        size *= 4
    assert best is not None  # in a core of all persons each may get nothing
    return best


def choice_within(
    near_net: np.ndarray, limits: Limits, tolerance: float
) -> tuple[np.ndarray | None, float]:
    """The best choice of offers that are near, and what none of them exceeds; None without."""
    is_open = np.isfinite(near_net).sum(axis=1) > 1
    columns = near_net.argmax(axis=1)
    fixed = columns[~is_open]
    rest = limits.amounts - used(limits, np.bincount(fixed, minlength=near_net.shape[1]))
    settled = fsum(near_net[~is_open, fixed])
    if (rest < -NOISE).any():
        return None, -np.inf
    if not is_open.any():
        return columns, settled
    classes, member_of, sizes = np.unique(
        near_net[is_open], axis=0, return_inverse=True, return_counts=True
    )
    row, column = np.nonzero(np.isfinite(classes))
    one_each = csr_array((np.ones(len(row)), (row, np.arange(len(row)))))
    constraints = [LinearConstraint(one_each, sizes, sizes)]
    if len(rest):
        constraints.append(LinearConstraint(limits.uses[:, column], -np.inf, rest.clip(min=0)))
    gains = classes[row, column]
    whole = fsum(sizes * classes.max(axis=1))
    found = milp(-gains, integrality=np.ones(len(row)), bounds=Bounds(0, sizes[row]),
                 constraints=constraints,
                 options={"mip_rel_gap": tolerance / max(whole, NOISE),
                          "node_limit": NODES})  # fmt: skip
    if found.x is None:
        return None, -np.inf
    counts = np.zeros(classes.shape, dtype=int)
    counts[row, column] = np.round(found.x)
    columns[is_open] = in_turn(member_of.reshape(-1), counts)
    return columns, settled - float(found.mip_dual_bound)


def in_turn(member_of: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Columns of the members of classes, so many of each column, in the order of the members."""
    order = np.argsort(member_of, kind="stable")
    columns = np.empty(len(member_of), dtype=int)
    columns[order] = np.repeat(np.tile(np.arange(counts.shape[1]), len(counts)), counts.reshape(-1))
    return columns


def drawn_of(
    rows: np.ndarray, places: np.ndarray, free: np.ndarray, choice: Choice, limits: Limits
) -> np.ndarray:
    """What persons would have got: the best at the prices, or what others with such offers get."""
    shares: dict[bytes, np.ndarray] = {}
    for row, column in zip(near(free, limits, choice.prices, choice.margin), choice.columns,
                           strict=True):  # fmt: skip
        shares.setdefault(row.tobytes(), np.zeros(len(row)))[column] += 1
    drawn = priced(rows, limits, choice.prices).round(6).argmax(axis=1)
    for number, row in enumerate(near(rows, limits, choice.prices, choice.margin)):
        if (counts := shares.get(row.tobytes())) is not None:
            drawn[number] = np.searchsorted(
                counts.cumsum(), places[number] * counts.sum(), side="right"
            )
    return drawn


def assign(offers: pd.DataFrame) -> pd.DataFrame:
    """One row per person with a next action, or held out from one."""
    eligible = offers[offers["offer_status"] == "eligible"].copy()
    eligible["cost"] = eligible["action_cost_amount_reporting"].astype(float)
    eligible["net"] = (eligible["gain_amount_reporting"].astype(float) - eligible["cost"]).round(3)
    eligible["budget"] = eligible["budget_amount_reporting"].astype(float)
    eligible["daily_capacity"] = (
        eligible["daily_capacity"].astype("Float64").to_numpy(float, na_value=np.nan)
    )
    is_possible = ~(eligible["budget"] < eligible["cost"]) & ~(eligible["daily_capacity"] < 1)
    eligible = eligible[is_possible].sort_values(["action_order", "action"])
    if eligible.empty:
        return pd.DataFrame({name: [] for name in COLUMNS}).astype(TYPES)
    actions = list(eligible["action"].unique())
    limits = limits_of(eligible, actions)
    places = {person: place_of(person) for person in eligible["person_id"].unique()}
    persons = np.array(sorted(places, key=lambda person: (places[person], person)), dtype=object)
    row = pd.Index(persons).get_indexer(eligible["person_id"])
    column = pd.Index(actions).get_indexer(eligible["action"]) + 1
    net = np.full((len(persons), len(actions) + 1), -np.inf)
    net[:, 0] = 0.0
    net[row, column] = eligible["net"]
    is_held = np.zeros(net.shape, dtype=bool)
    is_held[row, column] = [
        place_of(programme, salt, person) < rate
        for programme, salt, person, rate in zip(
            eligible["programme"],
            eligible["hold_out_salt"],
            eligible["person_id"],
            eligible["hold_out_rate"].astype(float),
            strict=True,
        )
    ]
    free = np.where(is_held, -np.inf, net)
    takes_part = np.isfinite(free[:, 1:]).any(axis=1)
    choice = choose(free[takes_part], limits)
    columns = np.zeros(len(persons), dtype=int)
    asked = np.flatnonzero(is_held.any(axis=1))
    drawn = drawn_of(net[asked], np.array([places[person] for person in persons[asked]]),
                     free[takes_part], choice, limits)  # fmt: skip
    held = asked[is_held[asked, drawn]]
    columns[held] = drawn[is_held[asked, drawn]]
    if takes_part[held].any():  # what another programme had for them is for others
        takes_part[held] = False
        choice = choose(free[takes_part], limits)
    columns[takes_part] = choice.columns
    found = pd.DataFrame(
        {
            "person_id": persons,
            "action": np.array(["", *actions], dtype=object)[columns],
            "is_hold_out": np.isin(np.arange(len(persons)), held),
            "optimality_gap_rate": round(choice.gap_rate, 9),
        }
    )
    return found[columns > 0].sort_values("person_id", ignore_index=True).astype(TYPES)


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    return assign(dbt.ref("int_action_offers_valued").df())
