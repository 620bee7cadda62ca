"""
How often readings of customers find what is not there, and how near they come to what is.

`python -m benchmarks.customers [--seeds 1000]` draws customers of whom nothing is planted: those
held out order as often as those offered an action (read each night, by the interval of experiments
that holds at all looks), who left is as who stayed (drivers of churn), behaviour has no groups.
Then the same with effects and groups planted, for the error of what is found.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from benchmarks import experiments
from orchestration.estimating import churn, groups

NIGHTS, PERSONS, HELD_OUT, LIFT = 90, 60, 0.1, 0.05
CUSTOMERS = 300
MODEL = experiments.module()


def offered(seed: int, lift: float) -> dict[str, float]:
    """Hold-out of an action, read each night: what missed the truth, and the effect at the end."""
    generator = np.random.default_rng(seed)
    count = NIGHTS * PERSONS
    arm = (generator.random(count) >= HELD_OUT).astype(int)
    chance = np.clip(experiments.SHARE * generator.gamma(1, 1, count) + lift * arm, 0, 1)
    people = pd.DataFrame(
        {"arm": arm, "share": (generator.random(count) < chance).astype(float), "share_prior": 0.0}
    )
    missed = experiments.read(MODEL, people, "share", 2, NIGHTS, lift)
    means = people.groupby("arm")["share"].mean()
    return missed | {"effect": means[1] - means[0]}


def drivers(seed: int, difference: float) -> dict[str, float]:
    """Drivers of churn among features that tell nothing but the first, which differs so much."""
    generator = np.random.default_rng(seed)
    left = generator.random(CUSTOMERS) < 0.3
    features = pd.DataFrame(generator.gamma(2, 1, (CUSTOMERS, len(churn.NUMBERS))))
    features.columns = pd.Index(churn.NUMBERS)
    first = churn.NUMBERS[0]
    features[first] = generator.normal(difference * left, 1)
    features = features.assign(
        cutoff_date="2026-01-01", person_id=[f"p{number:04}" for number in range(CUSTOMERS)],
        business_type="purchase", first_order_days=1.0, persona=None,
    )  # fmt: skip
    labels = features[["cutoff_date", "person_id"]].assign(is_churned=left)
    found = churn.drivers(features, labels).set_index("feature")
    shown = found["adjusted_p_value"] < 0.05
    return {
        "any_shown": shown.drop(first).any() if difference else shown.any(),
        "first_shown": shown[first],
        "missed": not found["low"][first] <= difference <= found["high"][first],
        "effect": found["mean_difference"][first],
    }


def cloud(generator: np.random.Generator, kind: str) -> np.ndarray:
    """
    Customers without groups.

    Skewed amounts that are independent, correlated or of one common cause; correlated counts;
    amounts of which most are none; and amounts, counts, rates and flags in one, correlated.
    """
    values = generator.standard_normal((CUSTOMERS, len(groups.BEHAVIOUR)))
    if kind not in ("independent", "common"):
        values = values @ np.linalg.cholesky(0.5 + 0.5 * np.eye(values.shape[1])).T
    if kind == "common":
        values += generator.standard_normal((CUSTOMERS, 1))
    if kind == "counts":
        return generator.poisson(np.exp(0.7 * values))
    if kind == "zeros":
        return np.where(values > 0.5, np.exp(values), 0.0).round(1)
    if kind == "mixed":
        rates = 1 / (1 + np.exp(-values))
        return np.column_stack(
            [np.exp(values[:, :3]), generator.poisson(np.exp(values[:, 3:5])), rates[:, 5:7],
             values[:, 7] > 1]
        )  # fmt: skip
    return np.exp(values)


def grouped(seed: int, kind: str) -> dict[str, float]:
    """Whether groups are found, and how well they agree with three planted ones."""
    generator = np.random.default_rng(seed)
    planted = np.arange(CUSTOMERS) % 3
    values = cloud(generator, "independent" if kind == "planted" else kind)
    if kind == "planted":
        values = values * np.exp(2.5 * (np.arange(values.shape[1]) % 3 == planted[:, None]))
    features = pd.DataFrame(values, columns=pd.Index(groups.BEHAVIOUR)).assign(
        is_serving=True, person_id=[f"p{number:04}" for number in range(CUSTOMERS)]
    )
    found = groups.propose(features)
    is_found = found["behaviour_group"].notna().all()
    labels = found["behaviour_group"].astype("category").cat.codes.to_numpy()
    return {
        "found": float(is_found),
        "agreement": groups.adjusted_rand(planted, labels) if is_found else np.nan,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    seeds, started = range(parser.parse_args().seeds), time.monotonic()
    trials: list[tuple[str, Callable[[int], dict[str, float]]]] = [
        ("hold-out, no effect", partial(offered, lift=0.0)),
        (f"hold-out, {LIFT:+.0%}", partial(offered, lift=LIFT)),
        ("drivers, nothing planted", partial(drivers, difference=0.0)),
        ("drivers, half a deviation planted", partial(drivers, difference=0.5)),
        *((f"groups, {kind}", partial(grouped, kind=kind))
          for kind in ("planted", "independent", "correlated", "common", "counts", "zeros",
                       "mixed")),
    ]  # fmt: skip
    for name, trial in trials:
        frame = pd.DataFrame([trial(seed) for seed in seeds]).astype(float)
        print(f"\n{name}: " + ", ".join(f"{k} {v:.4f}" for k, v in frame.mean().items()))
        for column in {"effect", "agreement"} & set(frame):
            print(f"  {column}: standard deviation {frame[column].std():.4f}", flush=True)
    print(f"\n{len(seeds)} seeds, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
