"""
How often intervals of experiments miss the truth: at the end, and night by night.

`python -m benchmarks.experiments [--seeds 1000] [--nights 90] [--persons 40]` draws experiments
with a share (5 %), a skewed mean (most pay nothing) and what the same persons did before, and reads
them by the model itself each night on which a variant has the least number of persons. What the
intervals promise are errors of 5 %: the fixed one for one look, the always-valid one for all.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from types import ModuleType

import numpy as np
import pandas as pd

from orchestration.settings import DBT_PROJECT_DIR

SHARE, PAYING, LIFT = 0.05, 0.2, 0.03


def module() -> ModuleType:
    """The model that compares arms."""
    path = DBT_PROJECT_DIR / "models/intermediate/experiments/int_experiment_effects_valued.py"
    spec = importlib.util.spec_from_file_location("experiments", path)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def persons(generator: np.random.Generator, count: int, arms: int, lift: float) -> pd.DataFrame:
    """Outcome and prior outcome of each person, in the order in which they came."""
    arm = generator.integers(0, arms, count)
    habit = generator.gamma(1, 1, count)  # what a person does before and after has a common cause
    chance = np.clip(SHARE * habit + np.where(arm > 0, lift, 0), 0, 1)
    pays = generator.random((2, count)) < np.clip(PAYING * habit, 0, 1)
    amounts = pays * generator.lognormal(8, 1, (2, count)).round(2)
    return pd.DataFrame(
        {
            "arm": arm,
            "share": (generator.random(count) < chance).astype(float),
            "share_prior": (generator.random(count) < np.clip(SHARE * habit, 0, 1)).astype(float),
            "mean": amounts[1],
            "mean_prior": amounts[0],
        }
    )


def running_sums(people: pd.DataFrame, metric: str, arm: int, nights: int) -> pd.DataFrame:
    """What the model gets of an arm after each night."""
    own = (people["arm"] == arm).to_numpy()
    y, x = people[metric].to_numpy(), people[f"{metric}_prior"].to_numpy()
    columns = {
        "person_count": own, "outcome_person_count": own & (y != 0), "outcome_sum": own * y,
        "prior_sum": own * x, "outcome_square_sum": own * y * y,
        "prior_square_sum": own * x * x, "product_sum": own * x * y,
    }  # fmt: skip
    ends = (np.arange(1, nights + 1) * (len(people) // nights)) - 1
    frame = pd.DataFrame({name: values.cumsum()[ends] for name, values in columns.items()})
    return frame.astype(float).assign(
        metric_type=metric, planned_person_count=float(len(people)), minimum_person_count=100
    )


def read(model: ModuleType, people: pd.DataFrame, metric: str, arms: int, nights: int,
         truth: float) -> dict[str, bool]:  # fmt: skip
    """Which intervals of an experiment missed the truth in any variant: at the end, ever."""
    missed = dict.fromkeys(("fixed_end", "fixed_ever", "sequential_end", "sequential_ever"), False)
    sums = [running_sums(people, metric, arm, nights) for arm in range(arms)]
    for night in range(nights):
        for treated in range(1, arms):
            pair = sums[0].iloc[night], sums[treated].iloc[night]
            if model.is_too_few(*pair):
                continue
            found = model.compare(*pair, arms - 1)
            for kind in ("fixed", "sequential"):
                is_out = not found[f"{kind}_low"] <= truth <= found[f"{kind}_high"]
                missed[f"{kind}_ever"] |= is_out
                if night == nights - 1:
                    missed[f"{kind}_end"] |= is_out
    return missed


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--nights", type=int, default=90)
    parser.add_argument("--persons", type=int, default=40, help="new persons a night")
    options = parser.parse_args()
    model, started = module(), time.monotonic()
    count = options.nights * options.persons
    rows = []
    for name, metric, arms, lift in (
        ("no effect, share", "share", 2, 0.0),
        ("no effect, skewed mean", "mean", 2, 0.0),
        ("no effect, share, three and a control", "share", 4, 0.0),
        (f"effect of {LIFT:+.0%}, share", "share", 2, LIFT),
    ):
        found = [
            read(model, persons(np.random.default_rng(seed), count, arms, lift), metric, arms,
                 options.nights, lift)
            for seed in range(options.seeds)
        ]  # fmt: skip
        rows.append({"experiment": name} | pd.DataFrame(found).mean().to_dict())
    ratios = []
    for seed in range(options.seeds):
        arm = np.random.default_rng(seed).integers(0, 2, count)
        nightly = [arm[: (n + 1) * options.persons] for n in range(options.nights)]
        p = [model.ratio_p(np.bincount(a, minlength=2).astype(float), np.ones(2)) for a in nightly]
        ratios.append((p[-1] < model.RATIO_ALPHA, min(p) < model.RATIO_ALPHA))
    print(f"{options.seeds} seeds, {options.nights} nights of {options.persons} persons; share of")
    print("experiments whose interval misses the truth, at the end and on any night:\n")
    print(pd.DataFrame(rows).round(4).to_string(index=False))
    ended, ever = np.mean(ratios, axis=0)
    print(f"\nmismatch of a fair split said: {ended:.4f} at the end, {ever:.4f} on any night")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
