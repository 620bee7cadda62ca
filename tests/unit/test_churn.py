"""The risk of churn on drawn customers: what serves, why, and the same on every processor."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind
from sklearn.metrics import roc_auc_score

from orchestration.estimating import bgnbd, churn
from tests.conftest import ROOT

CUTOFFS = pd.date_range("2026-01-01", "2026-08-01", freq="MS")


def drawn(signal: float, customers: int = 400, seed: int = 7) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and labels; what a customer is like lasts, and `signal` says how much it tells."""
    generator = np.random.default_rng(seed)
    frames = []
    kind = generator.random(customers) < 0.3
    level = generator.normal(0, 1, customers)
    for cutoff in CUTOFFS:
        rows = pd.DataFrame({name: generator.gamma(2, 2, customers) for name in churn.NUMBERS})
        rows["recent_visit_count"] = np.exp(level + generator.normal(0, 0.3, customers)).round()
        rows["last_csat_rate"] = np.where(generator.random(customers) < 0.5, np.nan, 0.7)
        rows["persona"] = np.where(kind, "student", None)
        chance = 1 / (1 + np.exp(-(-0.6 + signal * (1.5 * kind - level))))
        frames.append(
            rows.assign(
                cutoff_date=cutoff, person_id=[f"p{n:04}" for n in range(customers)],
                business_type="purchase", is_serving=cutoff == CUTOFFS[-1],
                is_active_customer=True, window_days=60, longest_days=60,
                last_known_date=cutoff - pd.Timedelta(days=1),
                repeat_count=generator.integers(0, 5, customers),
                span_days=generator.integers(0, 100, customers),
                first_order_days=generator.integers(100, 300, customers),
                is_churned=generator.random(customers) < chance,
            )
        )  # fmt: skip
    features = pd.concat(frames, ignore_index=True)
    features.loc[features["repeat_count"] == 0, "span_days"] = 0
    labelled = features["cutoff_date"] < pd.Timestamp("2026-07-01")
    labels = features.loc[
        labelled, ["cutoff_date", "person_id", "business_type", "is_churned"]
    ].copy()
    return features.drop(columns="is_churned"), labels


def served(items: pd.DataFrame) -> tuple[str, str]:
    row = items[items["item_type"] == "served"].iloc[0]
    return row["item"], row["predictor"]


def value(items: pd.DataFrame, item: str, predictor: str = churn.NOBODY) -> float:
    found = items[(items["item"] == item) & (items["predictor"] == predictor)]
    return float(found["item_value"].iloc[0])


@pytest.fixture(scope="module")
def signalled() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    features, labels = drawn(1.0)
    return features, labels, churn.cards(features, labels)


def test_a_model_that_beats_the_baselines_serves(
    signalled: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    features, _, items = signalled
    assert served(items) == ("model_serves", "logistic")
    assert value(items, "auc", "logistic") > value(items, "auc", "recency") + 0.1
    gain = items[items["item"] == "brier_gain"].iloc[0]
    assert 0 < gain["low_value"] < gain["item_value"] < gain["high_value"]
    assert value(items, "predicted_rate", "logistic") == pytest.approx(
        value(items, "observed_rate", "logistic"), abs=0.06
    )
    importance = items[items["item_type"] == "importance"].set_index("item")["item_value"]
    assert set(importance.nlargest(2).index) == {"persona", "recent_visit_count"}
    risks = churn.score(features, items)
    assert len(risks) == 400 and risks["risk_rate"].between(0, 1).all()
    students = set(features.loc[features["persona"] == "student", "person_id"])
    told = risks[["first_reason", "second_reason", "third_reason"]].eq("persona_high").any(axis=1)
    assert told.any() and set(risks.loc[told, "person_id"]) <= students
    codes = pd.read_csv(ROOT / "seeds" / "churn_codes.csv")
    labelled = set(codes.loc[codes["code_type"] == "churn_reason", "code"])
    assert set(risks["first_reason"].dropna()) <= labelled


def test_learns_only_from_windows_that_had_closed(
    signalled: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    """Labels of 60 days: of the first of June, those of the first of April had come by May 31."""
    items = signalled[2]
    days = {name: value(items, name) for name in ("first_train", "last_train", "test")}
    assert {name: str(pd.Timestamp(day, unit="D").date()) for name, day in days.items()} == {
        "first_train": "2026-01-01", "last_train": "2026-04-01", "test": "2026-06-01"
    }  # fmt: skip
    features, labels, _ = signalled
    between = labels["cutoff_date"] == pd.Timestamp("2026-05-01")
    other = labels.assign(is_churned=labels["is_churned"] ^ between)
    shown = ["metric", "importance"]
    again = churn.cards(features, other)
    pd.testing.assert_frame_equal(
        again[again["item_type"].isin(shown)], items[items["item_type"].isin(shown)]
    )


def test_without_a_signal_a_baseline_serves() -> None:
    verdicts = []
    for seed in range(12):
        features, labels = drawn(0.0, seed=seed)
        said, predictor = served(churn.cards(features, labels))
        verdicts.append(said)
        assert predictor != "logistic" or said == "model_serves"
    assert verdicts.count("baseline_serves") >= 11


def test_too_few_customers_have_no_risk() -> None:
    features, labels = drawn(1.0, customers=8)
    items = churn.cards(features, labels)
    assert served(items) == ("too_few", churn.NOBODY)
    risks = churn.score(features, items)
    assert len(risks) == 8 and risks["risk_rate"].isna().all() and risks["predictor"].isna().all()


def test_a_feature_that_knows_the_future_is_found() -> None:
    features, labels = drawn(1.0)
    known = features.merge(labels, how="left", on=["cutoff_date", "person_id"])
    spoiled = features.assign(
        recent_visit_count=np.where(known["is_churned"].fillna(False).astype(bool), 0.0, 3.0)
    )
    items = churn.cards(spoiled, labels)
    assert served(items)[0] == "leak_suspected" and served(items)[1] != "logistic"
    weights = items[items["item_type"] == "weight"]
    assert "recent_visit_count" not in set(weights["item"])
    with pytest.raises(ValueError, match="orders_of_next_month"):
        churn.cards(features.assign(orders_of_next_month=0), labels)


def test_the_card_agrees_with_scikit_learn_and_risks_with_the_card(
    signalled: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    generator = np.random.default_rng(1)
    outcomes, scores = generator.integers(0, 2, 300), generator.random(300).round(1)
    assert churn.auc(outcomes, scores) == pytest.approx(roc_auc_score(outcomes, scores))
    features, _, items = signalled
    kept = churn._kept(items)
    rows = features[features["is_serving"]].sort_values("person_id")
    habits = items[items["item_type"] == "habit"]["item_value"].to_numpy(float)
    risks = kept.risks(churn.with_alive(rows, habits))
    assert churn.score(features, items)["risk_rate"].to_list() == risks.tolist()


def test_drivers_are_welchs_for_one_row_each_and_wider_for_repeated_rows() -> None:
    features, labels = drawn(1.0)
    once = labels["cutoff_date"] == CUTOFFS[0]
    found = churn.drivers(features, labels[once]).set_index(["feature", "feature_value"])
    rows = features.merge(labels[once], on=["cutoff_date", "person_id"])
    gone = rows["is_churned"]
    for name in ("recent_visit_count", "tenure_days"):
        welch = ttest_ind(rows.loc[gone, name], rows.loc[~gone, name], equal_var=False)
        assert found.loc[(name, ""), "p_value"] == pytest.approx(welch.pvalue, abs=0.01)
    assert found.loc[("persona", "student"), "mean_difference"] > 0.1
    assert found.loc[("persona", "student"), "adjusted_p_value"] < 0.01
    assert (found["adjusted_p_value"].dropna() >= found["p_value"].dropna()).all()
    # The same customers again are no more evidence.
    copies = [features.assign(cutoff_date=day) for day in ("2026-01-01", "2026-01-02")]
    told = labels[once].assign(cutoff_date=pd.Timestamp("2026-01-01"))
    first = features["cutoff_date"] == CUTOFFS[0]
    twice = churn.drivers(
        pd.concat([copy[first] for copy in copies]),
        pd.concat([told, told.assign(cutoff_date=pd.Timestamp("2026-01-02"))]),
    ).set_index(["feature", "feature_value"])
    for end in ("low", "high"):
        pd.testing.assert_series_equal(twice[end], found[end], atol=1e-5)


def test_no_difference_is_shown_where_none_is() -> None:
    """Of 20 worlds without a driver hardly one shows any: the p-values are adjusted."""
    shown = [
        bool((churn.drivers(*drawn(0.0, seed=seed))["adjusted_p_value"] < 0.05).any())
        for seed in range(20)
    ]
    assert sum(shown) <= 3


def test_alive_is_the_published_formula() -> None:
    """Fader, Hardie and Lee's customer of 39 weeks with 2 repeat orders, the last in week 30.43."""
    habits = np.array([0.243, 4.414, 0.793, 2.426])
    customer = pd.DataFrame(
        {"repeat_count": [2, 0], "recency_days": [30.43 * 7, 0], "age_days": [38.86 * 7, 273]}
    )
    r, alpha, a, b = habits
    odds = a / (b + 1) * ((alpha + 38.86) / (alpha + 30.43)) ** (r + 2)
    assert bgnbd.alive_rates(habits, customer) == pytest.approx([1 / (1 + odds), 1])


def test_no_customers_are_no_rows() -> None:
    features, labels = drawn(1.0, customers=8)
    items = churn.cards(features[:0], labels[:0])
    assert items.empty and list(items.columns) == churn.ITEMS
    assert churn.score(features[:0], items).empty
    assert churn.drivers(features[:0], labels[:0]).empty
    assert served(churn.cards(features, labels[:0])) == ("too_few", churn.NOBODY)


def test_every_processor_tells_the_same_risks(tmp_path: Path) -> None:
    """The numerical library sums in another order on another processor."""
    for name, frame in zip(("features", "labels"), drawn(0.5), strict=True):
        frame.to_pickle(tmp_path / name)
    program = (
        "import pandas; from orchestration.estimating import churn;"
        f"f, l = (pandas.read_pickle({str(tmp_path)!r} + n) for n in ('/features', '/labels'));"
        "items = churn.cards(f, l); print(items.to_csv());"
        "print(churn.score(f, items).to_csv()); print(churn.drivers(f, l).to_csv())"
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
            env=os.environ | extra,
        ).stdout
        for extra in (
            {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "1"},
            {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "2"},
            {"NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX2 FMA3"},
            {},
        )
    ]  # fmt: skip
    assert all(one == other for one, other in pairwise(answers))
    assert "model_serves" in answers[0]


def test_every_code_has_labels() -> None:
    codes = pd.read_csv(ROOT / "seeds" / "churn_codes.csv")
    by_type = codes.groupby("code_type")["code"].agg(set)
    assert by_type["churn_feature"] == set(churn.FEATURES)
    assert by_type["churn_reason"] == {
        f"{name}_{end}" for name in churn.FEATURES for end in ("high", "low")
    }
    features, labels = drawn(1.0, customers=300)
    items = churn.cards(features, labels)
    shown = items[items["item_type"] == "metric"]
    assert set(shown["item"]) | {"importance"} == by_type["churn_metric"]
    assert set(shown["predictor"]) == by_type["churn_predictor"]
    code = Path(churn.__file__).read_text("utf-8")
    assert all(f'"{name}"' in code for name in by_type["churn_verdict"])
