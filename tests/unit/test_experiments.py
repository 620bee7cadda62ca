"""Differences of experiments against scipy and by hand: intervals, split, CUPED, verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.conftest import ROOT, python_model

MODEL = python_model("int_experiment_effects_valued")


def arm(name: str, y: np.ndarray, x: np.ndarray | None = None, **other: Any) -> dict[str, Any]:
    """What SQL sums of the persons of a variant."""
    x = np.zeros(len(y)) if x is None else x
    return {
        "experiment_id": "e", "variant_id": name, "experiment_metric": "m",
        "metric_type": "mean", "direction": "up", "is_control": name == "a", "is_planned": True,
        "is_primary": True, "is_ended": True, "expected_weight": 1.0,
        "planned_person_count": 5000, "minimum_person_count": 100,
        "minimum_effect_value": np.nan, "person_count": len(y), "crossover_count": 0,
        "outcome_person_count": int((y != 0).sum()), "outcome_sum": y.sum(),
        "prior_sum": x.sum(), "outcome_square_sum": (y * y).sum(),
        "prior_square_sum": (x * x).sum(), "product_sum": (x * y).sum(),
    } | other  # fmt: skip


def read(*arms: dict[str, Any]) -> pd.DataFrame:
    return MODEL.compare_arms(pd.DataFrame(list(arms))).set_index("variant_id")


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(5)
    x, z = generator.gamma(2, 3, 400), generator.gamma(2, 3, 500)
    return x, x + generator.normal(0, 1, 400), z, z + 1.2 + generator.normal(0, 1, 500)


def test_without_a_prior_it_is_welch_with_the_normal(drawn: tuple[np.ndarray, ...]) -> None:
    _, y, _, w = drawn
    found = read(arm("a", y), arm("b", w)).loc["b"]
    error = np.sqrt(y.var(ddof=1) / len(y) + w.var(ddof=1) / len(w))
    assert found["difference"] == found["unadjusted_difference"]
    assert found["difference"] == pytest.approx(w.mean() - y.mean(), abs=1e-6)
    assert found["fixed_high"] - found["difference"] == pytest.approx(1.959964 * error, abs=1e-5)
    assert found["detectable"] == pytest.approx((1.959964 + 0.841621) * error, abs=1e-5)
    assert found["variance_reduction"] == 0


def test_cuped_is_least_squares_on_the_prior(drawn: tuple[np.ndarray, ...]) -> None:
    x, y, z, w = drawn
    found = read(arm("a", y, x, expected_weight=4.0), arm("b", w, z, expected_weight=5.0)).loc["b"]
    design = np.column_stack([np.ones(900), np.r_[np.zeros(400), np.ones(500)], np.r_[x, z]])
    slopes = np.linalg.lstsq(design, np.r_[y, w], rcond=None)[0]
    assert found["difference"] == pytest.approx(slopes[1], abs=1e-5)
    assert found["variance_reduction"] > 0.9
    assert found["fixed_low"] < 1.2 < found["fixed_high"]
    assert found["experiment_verdict"] == "improved"


def test_the_always_valid_interval_is_where_the_mixture_ratio_is_one_in_alpha() -> None:
    """Robbins' likelihood ratio of a normal prior of variance ρ² σ², worked by hand."""
    persons, planned = 700.0, 3000.0
    error = 0.4
    width = MODEL.sequential_width(persons, planned, 0.05) * error
    prior = MODEL.mixture(planned) * persons * error**2  # of the difference, σ² = t V
    at_the_end = np.sqrt(error**2 / (error**2 + prior)) * np.exp(
        prior * width**2 / (2 * error**2 * (error**2 + prior))
    )
    assert at_the_end == pytest.approx(20)
    narrowest = min(
        np.linspace(300, 6_000, 571), key=lambda m: MODEL.sequential_width(3000.0, m, 0.05)
    )
    assert narrowest == pytest.approx(3000, rel=0.01)


def test_several_variants_share_the_error(drawn: tuple[np.ndarray, ...]) -> None:
    _, y, _, w = drawn
    one = read(arm("a", y), arm("b", w)).loc["b"]
    three = read(arm("a", y), *(arm(n, w) for n in "bcd")).loc["b"]
    assert three["comparison_count"] == 3
    wider = (three["fixed_high"] - three["difference"]) / (one["fixed_high"] - one["difference"])
    assert wider == pytest.approx(stats.norm.ppf(1 - 0.05 / 6) / stats.norm.ppf(0.975), rel=1e-4)
    assert three["sequential_high"] > one["sequential_high"]


@pytest.mark.parametrize(
    ("counts", "weights"), [((480, 520), (1, 1)), ((700, 210, 90), (7, 2, 1)), ((900, 80), (9, 1))]
)
def test_the_split_is_pearsons(counts: tuple[int, ...], weights: tuple[int, ...]) -> None:
    expected = np.array(weights) / sum(weights) * sum(counts)
    ours = MODEL.ratio_p(np.array(counts, float), np.array(weights, float))
    assert ours == pytest.approx(stats.chisquare(counts, expected).pvalue)


def test_a_variant_that_nobody_planned_is_a_mismatch(drawn: tuple[np.ndarray, ...]) -> None:
    _, y, _, w = drawn
    found = read(arm("a", y), arm("b", w), arm("c", y[:3], expected_weight=0.0))
    assert set(found.loc[["b", "c"], "experiment_verdict"]) == {"sample_ratio_mismatch"}
    assert found["ratio_p"].eq(0).all()


def verdict(y: np.ndarray, w: np.ndarray, **other: Any) -> str:
    return str(read(arm("a", y, **other), arm("b", w, **other)).loc["b", "experiment_verdict"])


def test_verdicts_by_their_reasons(drawn: tuple[np.ndarray, ...]) -> None:
    _, y, _, w = drawn
    w = w[:400]
    assert verdict(y, w + 5) == "improved"
    assert verdict(y, w + 5, direction="down") == "worsened"
    assert verdict(y, w + 5, is_ended=False) == "improved"  # its interval holds on any night
    assert verdict(y, y, is_ended=False) == "running"
    assert verdict(y, y) == "not_shown"
    assert verdict(y, y, minimum_effect_value=5.0) == "not_shown"
    assert verdict(y, y, minimum_effect_value=0.1) == "underpowered"
    assert verdict(y, y, minimum_effect_value=0.1, is_primary=False) == "not_shown"
    assert verdict(y[:99], w[:99] + 50) == "too_few"
    rare = np.r_[np.ones(4), np.zeros(396)]
    assert verdict(rare, rare, metric_type="share") == "too_few"
    assert verdict(1 - rare, 1 - rare, metric_type="share") == "too_few"
    assert verdict(y, w[:250] + 5) == "sample_ratio_mismatch"
    lonely = read(arm("x", y), arm("b", w))
    assert set(lonely["experiment_verdict"]) == {"not_planned"} and lonely["ratio_p"].isna().all()
    nobody = read(arm("a", y), arm("b", y[:0]))
    assert nobody.loc["b", "experiment_verdict"] == "sample_ratio_mismatch"


def test_no_experiment_is_no_row() -> None:
    columns = arm("a", np.zeros(2)).keys()
    found = MODEL.compare_arms(pd.DataFrame({name: [] for name in columns}))
    assert found.empty and list(found.columns) == MODEL.COLUMNS


def test_every_verdict_has_labels_and_a_reason() -> None:
    seed = pd.read_csv(ROOT / "seeds/experiment_verdicts.csv").set_index("experiment_verdict")
    code = Path(MODEL.__file__ or "").read_text("utf-8")
    assert all(f'"{name}"' in code for name in seed.index)
    assert seed.notna().all().all()
