"""
Differences of the variants of experiments to their control, with intervals and verdicts.

CUPED (Deng, Xu, Kohavi and Walker 2013): the difference is adjusted by what the same persons did
before they were exposed, with the slope pooled over the variants. The fixed interval is Wald's and
holds for one look at the planned end. The always-valid one is an asymptotic confidence sequence
(Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024), the normal-mixture interval that the
mixture SPRT (Johari, Koomen, Pekelis and Walsh 2022) inverts to; it holds at all looks together:

    difference ± se · sqrt(2 (1 + 1/u) · ln(sqrt(1 + u) / α)),  u = t ρ², t persons of both variants

ρ is chosen before there are data, so that it is narrowest at the planned number of persons. With
several variants α is divided by their number (Bonferroni). The ratio of persons is compared with
the plan by Pearson's chi-square test; `RATIO_ALPHA` is strict, as it is looked at each night.
"""

import numpy as np
import pandas as pd
from scipy.special import chdtrc, lambertw, ndtri

ALPHA, POWER, RATIO_ALPHA = 0.05, 0.8, 0.001
FEWEST_OUTCOMES = 10  # expected in each arm if they were alike; of a share as many without one
NUMBERS = [
    "unadjusted_difference", "difference", "fixed_low", "fixed_high", "sequential_low",
    "sequential_high", "detectable", "variance_reduction", "ratio_p",
]  # fmt: skip
COLUMNS = ["experiment_id", "variant_id", "experiment_metric", "comparison_count", *NUMBERS,
           "experiment_verdict"]  # fmt: skip


def mixture(planned: float) -> float:
    """ρ² of the always-valid interval that is narrowest at so many persons, for `ALPHA`."""
    return float(-lambertw(-(ALPHA**2) / np.e, -1).real - 1) / planned


def sequential_width(persons: float, planned: float, alpha: float) -> float:
    """Half the always-valid interval, in standard errors."""
    u = persons * mixture(planned)
    return float(np.sqrt(2 * (1 + 1 / u) * np.log(np.sqrt(1 + u) / alpha)))


def ratio_p(counts: np.ndarray, weights: np.ndarray) -> float:
    """P-value of the split of persons; equal parts where nothing is planned."""
    if counts.sum() == 0 or len(counts) < 2:
        return float("nan")
    weights = weights if weights.sum() > 0 else np.ones(len(counts))
    if counts[weights == 0].sum() > 0:
        return 0.0  # somebody was shown what nobody planned
    expected = counts.sum() * weights / weights.sum()
    planned = expected > 0
    statistic = ((counts - expected)[planned] ** 2 / expected[planned]).sum()
    return float(chdtrc(max(planned.sum() - 1, 1), statistic))


def _centred(arm: pd.Series, left: str, right: str, products: str) -> float:
    """Sum of products about the means."""
    return arm[products] - arm[left] * arm[right] / arm["person_count"]


def moments(arm: pd.Series) -> tuple[float, float, float]:
    """Centred sums of an arm: outcome, outcome with prior, prior."""
    return (
        _centred(arm, "outcome_sum", "outcome_sum", "outcome_square_sum"),
        _centred(arm, "outcome_sum", "prior_sum", "product_sum"),
        _centred(arm, "prior_sum", "prior_sum", "prior_square_sum"),
    )


def compare(control: pd.Series, treated: pd.Series, comparisons: int) -> dict[str, float]:
    """Difference of two arms with its intervals; nothing where they hold too few persons."""
    pair = (control, treated)
    if min(arm["person_count"] for arm in pair) < 2:
        return {}
    sums = [moments(arm) for arm in pair]
    priors = sum(prior for _, _, prior in sums)
    slope = sum(both for _, both, _ in sums) / priors if priors > 0 else 0.0
    means, prior_means = (
        [arm[name] / arm["person_count"] for arm in pair] for name in ("outcome_sum", "prior_sum")
    )
    raw, squared_error = 0.0, 0.0
    for arm, (own, both, prior) in zip(pair, sums, strict=True):
        scale = arm["person_count"] * (arm["person_count"] - 1)
        raw += own / scale
        squared_error += max(own - 2 * slope * both + slope**2 * prior, 0.0) / scale
    unadjusted = means[1] - means[0]
    difference = unadjusted - slope * (prior_means[1] - prior_means[0])
    alpha, error = ALPHA / comparisons, np.sqrt(squared_error)
    fixed = ndtri(1 - alpha / 2) * error
    persons = control["person_count"] + treated["person_count"]
    sequential = sequential_width(persons, control["planned_person_count"], alpha) * error
    return {
        "unadjusted_difference": unadjusted,
        "difference": difference,
        "fixed_low": difference - fixed,
        "fixed_high": difference + fixed,
        "sequential_low": difference - sequential,
        "sequential_high": difference + sequential,
        "detectable": (ndtri(1 - alpha / 2) + ndtri(POWER)) * error,
        "variance_reduction": 1 - squared_error / raw if raw > 0 else float("nan"),
    }


def is_too_few(control: pd.Series, treated: pd.Series) -> bool:
    """Whether the normal approximation of the intervals is not to be trusted, in either arm."""
    persons = [arm["person_count"] for arm in (control, treated)]
    if min(persons) < control["minimum_person_count"]:
        return True
    outcomes = control["outcome_person_count"] + treated["outcome_person_count"]
    rest = sum(persons) - outcomes
    fewest = min(outcomes, rest) if control["metric_type"] == "share" else outcomes
    return bool(min(persons) * fewest / sum(persons) < FEWEST_OUTCOMES)


def verdict(control: pd.Series, treated: pd.Series, found: dict[str, float], p: float) -> str:
    """What is said of a variant; the first reason that holds."""
    if p < RATIO_ALPHA:
        return "sample_ratio_mismatch"
    if not found or is_too_few(control, treated):
        return "too_few"
    low, high = found["sequential_low"], found["sequential_high"]
    if treated["direction"] == "down":
        low, high = -high, -low
    if low > 0 or high < 0:
        return "improved" if low > 0 else "worsened"
    if not treated["is_ended"]:
        return "running"
    wanted = treated["minimum_effect_value"]
    is_judged = treated["is_primary"] and pd.notna(wanted)
    return "underpowered" if is_judged and found["detectable"] > wanted else "not_shown"


def compare_arms(arms: pd.DataFrame) -> pd.DataFrame:
    """One row per experiment, variant and metric; the control's and the unplanned are bare."""
    rows = []
    for key, group in arms.groupby(["experiment_id", "experiment_metric"], sort=True):
        group = group.sort_values("variant_id")
        p = ratio_p(group["person_count"].to_numpy(float), group["expected_weight"].to_numpy(float))
        controls = group[group["is_control"]]
        comparisons = max(len(group) - 1, 1)
        for _, arm in group.iterrows():
            found: dict[str, float] = {}
            if arm["is_control"]:
                said = "control"
            elif controls.empty:
                said = "not_planned"
            else:
                control = controls.iloc[0]
                found = compare(control, arm, comparisons)
                said = verdict(control, arm, found, p)
            row = {"experiment_id": key[0], "variant_id": arm["variant_id"],
                   "experiment_metric": key[1], "comparison_count": comparisons,
                   "ratio_p": p if not controls.empty else float("nan"),
                   "experiment_verdict": said}  # fmt: skip
            rows.append(row | found)
    texts = ["experiment_id", "variant_id", "experiment_metric", "experiment_verdict"]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame[NUMBERS] = frame[NUMBERS].astype(float).round(6)
    frame["comparison_count"] = frame["comparison_count"].astype("int64")
    return frame.astype(dict.fromkeys(texts, "str"))


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    return compare_arms(dbt.ref("int_experiment_arms_aggregated").df())
