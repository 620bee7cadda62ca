"""
The risk that a customer leaves: a logistic regression, baselines, and which of them serves.

Rows are customers at cut-offs (`int_churn_features_derived`), labelled by what they did afterwards.
The model learns from cut-offs whose windows had closed by the test cut-off, the last one whose own
windows have, and is judged on that one. It serves only if its Brier score there is less than that
of the best baseline by more than noise: the 95 % interval of the difference, by resampling
customers, leaves 0 out. Else the baseline serves. What serves is fitted once more to all labelled
cut-offs. Fits end at a gradient of nothing (Newton's steps) and are rounded to what all processors
agree on. scikit-learn and scipy.stats take seconds to import, so that they are imported where there
are enough customers only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from orchestration.estimating import bgnbd

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

NUMBERS = (
    "order_recency_days", "gap_ratio", "usual_gap_days", "tenure_days", "order_day_count",
    "recent_order_day_count", "average_amount", "coupon_rate", "recent_visit_count",
    "visit_recency_days", "recent_activity_count", "recent_ticket_count", "unresolved_ticket_count",
    "last_csat_rate", "last_nps_rate", "subscription_count",
)  # fmt: skip
CATEGORY = "persona"
ALIVE, EXPECTED = "alive_rate", "expected_orders"  # BG/NBD's, of purchasers: put beside the others
FEATURES = (*NUMBERS, CATEGORY, ALIVE, EXPECTED)

FEWEST = 30  # customers who left, and as many who stayed, to learn from
FEWEST_TESTED = 15  # the same at the test cut-off
FEWEST_OF_CATEGORY = 20  # rows with a persona, below which it is no feature
LEAK = 0.98  # an AUC that no feature has that does not know the outcome
RIDGE = 0.1  # scikit-learn's C: the less, the more weights are drawn to 0
RESAMPLES, PERMUTATIONS, FOLDS = 500, 10, 5
DIGITS = 6
NOBODY = "(none)"  # what concerns no predictor

ITEMS = ["business_type", "predictor", "item_type", "item", "item_value", "low_value",
         "high_value"]  # fmt: skip
RISKS = ["person_id", "business_type", "predictor", "risk_rate", "first_reason", "second_reason",
         "third_reason"]  # fmt: skip
DRIVERS = ["business_type", "feature", "feature_value", "churned_count", "stayed_count",
           "churned_mean", "stayed_mean", "mean_difference", "low", "high", "p_value",
           "adjusted_p_value"]  # fmt: skip


def auc(outcomes: np.ndarray, scores: np.ndarray) -> float:
    """Chance that one who left has the higher score than one who stayed (Mann and Whitney)."""
    left = outcomes.astype(bool)
    count = left.sum()
    if count in (0, len(left)):
        return float("nan")
    ranks = pd.Series(scores).rank().to_numpy()[left].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(left) - count)))


def design(rows: pd.DataFrame, columns: Iterable[str]) -> np.ndarray:
    """Values of columns: logarithms of 1 + numbers, and 1 where the persona is that of its name."""
    parts = []
    for column in columns:
        feature, _, value = column.partition("=")
        if value:
            parts.append((rows[feature] == value).to_numpy(float))
        else:
            parts.append(np.log1p(rows[feature].to_numpy(float).clip(min=0)))
    return np.column_stack(parts) if parts else np.zeros((len(rows), 0))


@dataclass
class Predictor:
    """A logistic function of columns; an unknown value counts as the mean."""

    columns: list[str]
    means: np.ndarray
    deviations: np.ndarray
    weights: np.ndarray
    intercept: float

    def standardised(self, rows: pd.DataFrame) -> np.ndarray:
        """Values in standard deviations from the mean."""
        return np.nan_to_num((design(rows, self.columns) - self.means) / self.deviations)

    def risks(self, rows: pd.DataFrame) -> np.ndarray:
        """Chance to leave of each row."""
        scores = self.standardised(rows) @ self.weights + self.intercept
        return (1 / (1 + np.exp(-scores))).round(DIGITS)


def columns_of(rows: pd.DataFrame) -> list[str]:
    """Features that differ from row to row; of personas those that enough rows have."""
    numbers = [name for name in (*NUMBERS, ALIVE, EXPECTED) if rows[name].nunique() > 1]
    counts = rows[CATEGORY].value_counts()
    named = sorted(counts[counts >= FEWEST_OF_CATEGORY].index)
    return numbers + [f"{CATEGORY}={name}" for name in named if counts[name] < len(rows)]


def _regression(strength: float) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-12, max_iter=200)


def fit(rows: pd.DataFrame, columns: list[str], is_calibrated: bool = True) -> Predictor:
    """
    Regress `is_churned` on columns, and calibrate on predictions for customers left out (Platt).

    All cut-offs of a customer lie in the same fold.
    """
    outcomes = rows["is_churned"].to_numpy(int)
    values = design(rows, columns)
    means = np.nan_to_num(np.nanmean(values, axis=0)) if columns else np.zeros(0)
    deviations = np.nan_to_num(np.nanstd(values, axis=0)) if columns else np.zeros(0)
    deviations[deviations == 0] = 1
    rate = outcomes.mean()
    found = Predictor(
        columns, means.round(9), deviations.round(9), np.zeros(len(columns)),
        float(np.log(rate / (1 - rate))),
    )  # fmt: skip
    if columns:
        inputs = found.standardised(rows)
        regression = _regression(RIDGE if is_calibrated else 100.0).fit(inputs, outcomes)
        slope, offset = 1.0, 0.0
        if is_calibrated:
            from sklearn.model_selection import GroupKFold, cross_val_predict

            groups = rows["person_id"].to_numpy()
            outside = cross_val_predict(
                _regression(RIDGE), inputs, outcomes, groups=groups,
                cv=GroupKFold(min(FOLDS, len(set(groups)))), method="decision_function",
            )  # fmt: skip
            platt = _regression(100.0).fit(outside.reshape(-1, 1), outcomes)
            slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
        if slope > 0:  # else it tells nothing of customers that it did not see
            found.weights = slope * regression.coef_[0]
            found.intercept = slope * float(regression.intercept_[0]) + offset
    found.weights = found.weights.round(DIGITS)
    found.intercept = round(found.intercept, DIGITS)
    return found


def with_alive(rows: pd.DataFrame, habits: np.ndarray | None) -> pd.DataFrame:
    """BG/NBD's chance to be alive and orders in the window, beside the features; or unknown."""
    if habits is None:
        return rows.assign(**{ALIVE: np.nan, EXPECTED: np.nan})
    history = pd.DataFrame(
        {
            "repeat_count": rows["repeat_count"],
            "recency_days": rows["span_days"],
            "age_days": rows["first_order_days"].fillna(0),
        }
    )
    alive = bgnbd.alive_rates(habits, history).round(DIGITS)
    orders = bgnbd.expected_orders(habits, history, rows["window_days"].to_numpy(float))
    return rows.assign(**{ALIVE: alive, EXPECTED: orders.round(DIGITS)})


def habits_at(rows: pd.DataFrame) -> np.ndarray | None:
    """BG/NBD's parameters of all buyers at a cut-off; None where they tell nothing."""
    buyers = rows[rows["first_order_days"].notna()]
    if (buyers["repeat_count"] > 0).sum() < bgnbd.FEWEST:
        return None
    history = pd.DataFrame(
        {
            "repeat_count": buyers["repeat_count"].astype(int),
            "recency_days": buyers["span_days"].astype(int),
            "age_days": buyers["first_order_days"].astype(int),
        }
    )
    habits = bgnbd.fit_orders(history)
    return None if bgnbd.is_degenerate(habits) else habits


def baselines(rows: pd.DataFrame, business_type: str) -> dict[str, list[str]]:
    """What the model has to beat, by the column that each goes by."""
    found: dict[str, list[str]] = {"constant": []}
    if business_type == "purchase":
        found["recency"] = ["order_recency_days"]
        if rows[ALIVE].notna().any():
            found |= {"alive": [ALIVE], "expected": [EXPECTED]}
    return found


def measures(outcomes: np.ndarray, risks: np.ndarray) -> dict[str, float]:
    """How good risks are; the calibration error is that of tenths of the customers by risk."""
    from sklearn.metrics import brier_score_loss, log_loss

    order = np.argsort(risks, kind="stable")
    tenths = np.array_split(order, min(10, len(order)))
    error = sum(len(t) * abs(risks[t].mean() - outcomes[t].mean()) for t in tenths) / len(order)
    clipped = risks.clip(1e-6, 1 - 1e-6)
    return {
        "auc": auc(outcomes, risks),
        "brier": float(brier_score_loss(outcomes, risks)),
        "log_loss": float(log_loss(outcomes, clipped)),
        "predicted_rate": float(risks.mean()),
        "observed_rate": float(outcomes.mean()),
        "calibration_error": float(error),
    }


def gains(outcomes: np.ndarray, model: np.ndarray, baseline: np.ndarray) -> dict[str, np.ndarray]:
    """What the model gains on a baseline: the value and its interval, by resampling customers."""
    generator = np.random.default_rng(20)
    briers = (baseline - outcomes) ** 2 - (model - outcomes) ** 2
    resampled: list[tuple[float, float]] = []
    for _ in range(RESAMPLES):
        drawn = generator.integers(0, len(outcomes), len(outcomes))
        resampled.append(
            (
                briers[drawn].mean(),
                auc(outcomes[drawn], model[drawn]) - auc(outcomes[drawn], baseline[drawn]),
            )
        )
    ends = np.nanquantile(np.array(resampled), [0.025, 0.975], axis=0)
    return {
        "brier_gain": np.array([briers.mean(), *ends[:, 0]]),
        "auc_gain": np.array([auc(outcomes, model) - auc(outcomes, baseline), *ends[:, 1]]),
    }


def importances(model: Predictor, rows: pd.DataFrame) -> dict[str, float]:
    """AUC lost when a feature's values are given to other customers, on held-out rows."""
    outcomes = rows["is_churned"].to_numpy(int)
    whole, generator = auc(outcomes, model.risks(rows)), np.random.default_rng(21)
    found = {}
    for feature in dict.fromkeys(column.partition("=")[0] for column in model.columns):
        losses = []
        for _ in range(PERMUTATIONS):
            mixed = rows.assign(
                **{feature: rows[feature].to_numpy()[generator.permutation(len(rows))]}
            )
            losses.append(whole - auc(outcomes, model.risks(mixed)))
        found[feature] = float(np.mean(losses))
    return found


def leaking(rows: pd.DataFrame, columns: list[str]) -> list[str]:
    """Columns that alone tell who left, as only one that knows the outcome can."""
    outcomes = rows["is_churned"].to_numpy(int)
    values = design(rows, columns)
    found = []
    for number, column in enumerate(columns):
        known = ~np.isnan(values[:, number])
        told = auc(outcomes[known], values[known, number])
        if max(told, 1 - told) >= LEAK and known.sum() >= FEWEST:
            found.append(column)
    return found


def _enough(rows: pd.DataFrame, fewest: int) -> bool:
    left = int(rows["is_churned"].sum())
    return min(left, len(rows) - left) >= fewest


class _Card:
    """Rows of the card of a business type."""

    def __init__(self, business_type: str) -> None:
        self.business_type = business_type
        self.rows: list[dict[str, Any]] = []

    def add(self, item_type: str, item: str, value: float, low: float = float("nan"),
            high: float = float("nan"), predictor: str = NOBODY) -> None:  # fmt: skip
        numbers = [float(value), float(low), float(high)]
        self.rows.append(
            dict(
                zip(ITEMS, [self.business_type, predictor, item_type, item, *numbers], strict=True)
            )
        )

    def keep(self, predictor: str, found: Predictor) -> None:
        """The parameters of what serves."""
        self.add("weight", "intercept", found.intercept, predictor=predictor)
        for column, *numbers in zip(
            found.columns, found.weights, found.means, found.deviations, strict=True
        ):
            for kind, number in zip(("weight", "mean", "deviation"), numbers, strict=True):
                self.add(kind, column, number, predictor=predictor)


def _days(value: Any) -> float:
    return float((pd.Timestamp(value) - pd.Timestamp(0)).days)


def card_of(business_type: str, rows: pd.DataFrame, labels: pd.DataFrame) -> list[dict[str, Any]]:
    """Compare the model with its baselines on held-out time, and keep what serves."""
    card = _Card(business_type)
    own = labels[labels["business_type"] == business_type]
    labelled = rows.merge(
        own[["cutoff_date", "person_id", "is_churned"]], on=["cutoff_date", "person_id"]
    ).sort_values(["cutoff_date", "person_id"], ignore_index=True)
    if labelled.empty:
        card.add("served", "too_few", 0)
        return card.rows
    test_date = labelled["cutoff_date"].max()
    test = labelled[labelled["cutoff_date"] == test_date]
    closed = labelled["cutoff_date"] + pd.to_timedelta(labelled["longest_days"], unit="D")
    train = labelled[closed <= test_date]
    card.add("cutoff", "test", _days(test_date))
    if len(train):
        card.add("cutoff", "first_train", _days(train["cutoff_date"].min()))
        card.add("cutoff", "last_train", _days(train["cutoff_date"].max()))
    for name, part in (("train", train), ("test", test)):
        card.add("count", f"{name}_rows", len(part))
        card.add("count", f"{name}_persons", part["person_id"].nunique())
        card.add("count", f"{name}_churned", int(part["is_churned"].sum()))
    if not (_enough(train, FEWEST) and _enough(test, FEWEST_TESTED)):
        card.add("served", "too_few", 0)
        return card.rows

    is_habit = business_type == "purchase"
    habits = habits_at(rows[rows["cutoff_date"] == test_date]) if is_habit else None
    train, test = with_alive(train, habits), with_alive(test, habits)
    outcomes = test["is_churned"].to_numpy(int)
    tried = {
        name: fit(train, columns, is_calibrated=False).risks(test)
        for name, columns in baselines(train, business_type).items()
    }
    columns = columns_of(train)
    leaks = leaking(train, columns)
    model = fit(train, [column for column in columns if column not in leaks])
    tried["logistic"] = model.risks(test)
    measured = {name: measures(outcomes, risks) for name, risks in tried.items()}
    for name, marks in measured.items():
        for item, value in marks.items():
            card.add("metric", item, value, predictor=name)
    for feature, value in importances(model, test).items():
        card.add("importance", feature, value, predictor="logistic")
    best = min(
        (name for name in tried if name != "logistic"),
        key=lambda name: (round(measured[name]["brier"], DIGITS), name),
    )
    found = gains(outcomes, tried["logistic"], tried[best])
    for item, values in found.items():
        gain, low, high = values
        card.add("metric", item, gain, low, high, predictor="logistic")
    is_better = found["brier_gain"].round(DIGITS)[1] > 0
    said = "leak_suspected" if leaks else "model_serves" if is_better else "baseline_serves"
    serving = "logistic" if said == "model_serves" else best
    card.add("served", said, 1, predictor=serving)

    last = rows[rows["is_serving"]]
    habits = habits_at(last) if is_habit else None
    if habits is not None:
        for name, value in zip(bgnbd.PARAMETERS, habits, strict=True):
            card.add("habit", name, value, predictor=serving)
    whole = with_alive(labelled, habits)
    names = columns_of(whole) if serving == "logistic" else baselines(whole, business_type).get(
        serving, []
    )  # fmt: skip
    card.keep(serving, fit(whole, names, is_calibrated=serving == "logistic"))
    return card.rows


def cards(features: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The card of each business type: what was compared on what, and what serves."""
    strange = set(features.columns) - KNOWN
    if strange:
        raise ValueError(
            f"int_churn_features_derived has columns that are no features: {sorted(strange)}; "
            "name a new feature in orchestration/estimating/churn.py and seeds/churn_codes.csv"
        )
    rows: list[dict[str, Any]] = []
    features = _typed(features)
    labels = labels.assign(cutoff_date=pd.to_datetime(labels["cutoff_date"]))
    for business_type in ("subscription", "purchase"):
        if (features["business_type"] == business_type).any():
            chosen = features[features["business_type"] == business_type]
            rows += card_of(business_type, chosen, labels)
    frame = pd.DataFrame(rows, columns=ITEMS)
    numbers = ITEMS[-3:]
    frame[numbers] = frame[numbers].astype(float).round(9)
    is_shown = frame["item_type"].isin(["metric", "importance"])
    frame.loc[is_shown, numbers] = frame.loc[is_shown, numbers].round(DIGITS)
    return frame.astype(dict.fromkeys(ITEMS[:4], "str"))


KNOWN = {
    "cutoff_date", "person_id", "business_type", "is_serving", "is_active_customer", "window_days",
    "longest_days", "last_known_date", "repeat_count", "span_days", "first_order_days",
    *NUMBERS, CATEGORY,
}  # fmt: skip


def _typed(features: pd.DataFrame) -> pd.DataFrame:
    found = features.sort_values(["cutoff_date", "person_id"], ignore_index=True)
    found["cutoff_date"] = pd.to_datetime(found["cutoff_date"])
    found[[*NUMBERS, "first_order_days"]] = found[[*NUMBERS, "first_order_days"]].astype(float)
    return found


def _kept(items: pd.DataFrame) -> Predictor:
    """What was kept of the predictor that serves."""
    weights = items[items["item_type"] == "weight"].set_index("item")["item_value"]
    columns = [name for name in weights.index if name != "intercept"]
    means, deviations = (
        items[items["item_type"] == kind].set_index("item")["item_value"].reindex(columns)
        for kind in ("mean", "deviation")
    )
    return Predictor(
        columns, means.to_numpy(float), deviations.to_numpy(float),
        weights.reindex(columns).to_numpy(float), float(weights["intercept"]),
    )  # fmt: skip


def reasons(found: Predictor, rows: pd.DataFrame) -> list[list[str | None]]:
    """The three features that raise the risk of each row most, and whether they are high or low."""
    values = found.standardised(rows)
    raising = (values * found.weights).round(DIGITS)
    names = [column.partition("=")[0] for column in found.columns]
    told: list[list[str | None]] = []
    for row, raised in zip(values, raising, strict=True):
        best = sorted((-gain, number) for number, gain in enumerate(raised) if gain > 0)
        codes = [
            "persona_high" if names[number] == CATEGORY and row[number] > 0
            else "persona_low" if names[number] == CATEGORY
            else f"{names[number]}_{'high' if row[number] > 0 else 'low'}"
            for _, number in best
        ]  # fmt: skip
        unique: list[str | None] = [c for c in dict.fromkeys(codes) if c != "persona_low"]
        told.append((unique + [None] * 3)[:3])
    return told


def score(features: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """The risk of each customer at the serving cut-off whom the rule does not call gone."""
    rows = _typed(features[features["is_serving"] & features["is_active_customer"]])
    frames = []
    for business_type, own in rows.groupby("business_type", sort=True):
        kept = items[items["business_type"] == business_type]
        served = kept[kept["item_type"] == "served"]
        frame = own[["person_id", "business_type"]].assign(
            predictor=None, risk_rate=np.nan, first_reason=None, second_reason=None,
            third_reason=None,
        )  # fmt: skip
        if len(served) and served["item_value"].iloc[0] == 1:
            found = _kept(kept)
            habits = kept[kept["item_type"] == "habit"].set_index("item")["item_value"]
            parameters = habits.reindex(bgnbd.PARAMETERS).to_numpy(float) if len(habits) else None
            own = with_alive(own, parameters)
            frame["predictor"] = served["predictor"].iloc[0]
            frame["risk_rate"] = found.risks(own)
            frame[RISKS[-3:]] = np.array(reasons(found, own), dtype=object).reshape(-1, 3)
        frames.append(frame)
    if not frames:
        frames = [pd.DataFrame({name: [] for name in RISKS})]
    texts = [name for name in RISKS if name != "risk_rate"]
    return pd.concat(frames, ignore_index=True)[RISKS].astype(
        dict.fromkeys(texts, "str") | {"risk_rate": "float64"}
    )


def drivers(features: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """
    How those who left differed from those who stayed, at all cut-offs that are judged.

    A customer stands there several times, so the interval goes by customers (cluster-robust).
    P-values are adjusted over the features of a business type (Benjamini and Hochberg).
    """
    labels = labels.assign(cutoff_date=pd.to_datetime(labels["cutoff_date"]))
    rows = _typed(features).merge(
        labels[["cutoff_date", "person_id", "is_churned"]], on=["cutoff_date", "person_id"]
    )
    found = []
    for business_type, own in rows.groupby("business_type", sort=True):
        values = {(name, ""): own[name].to_numpy(float) for name in NUMBERS}
        for persona in sorted(own[CATEGORY].dropna().unique()):
            values[CATEGORY, str(persona)] = (own[CATEGORY] == persona).to_numpy(float)
        left = own["is_churned"].to_numpy(bool)
        compared = [
            dict(zip(DRIVERS[:3], (business_type, *key), strict=True))
            | _difference(value, left, own["person_id"].to_numpy())
            for key, value in values.items()
        ]
        ps = np.array([row.get("p_value", np.nan) for row in compared])
        known = ~np.isnan(ps)
        if known.any():
            from scipy.stats import false_discovery_control

            adjusted = false_discovery_control(ps[known], method="bh")
            for number, p in zip(np.flatnonzero(known), adjusted, strict=True):
                compared[number]["adjusted_p_value"] = p
        found += compared
    frame = pd.DataFrame(found, columns=DRIVERS)
    numbers = DRIVERS[5:]
    frame[numbers] = frame[numbers].astype(float).round(DIGITS)
    frame[DRIVERS[3:5]] = frame[DRIVERS[3:5]].astype("int64")
    return frame.astype(dict.fromkeys(DRIVERS[:3], "str"))


def _difference(values: np.ndarray, left: np.ndarray, persons: np.ndarray) -> dict[str, float]:
    """Means of those who left and those who stayed, and the difference by customers."""
    known = ~np.isnan(values)
    values, left, persons = values[known], left[known], persons[known]
    counts = {"churned_count": int(left.sum()), "stayed_count": int((~left).sum())}
    if min(counts.values()) < 2:
        return dict(counts)
    gone, there = values[left].mean(), values[~left].mean()
    found = {**counts, "churned_mean": gone, "stayed_mean": there, "mean_difference": gone - there}
    if min(counts.values()) < FEWEST_TESTED:
        return found
    shares = np.where(left, (values - gone) / left.sum(), -(values - there) / (~left).sum())
    by_person = pd.Series(shares).groupby(persons).sum().to_numpy()
    error = np.sqrt((by_person**2).sum() * len(by_person) / max(len(by_person) - 1, 1))
    if round(error, 9) == 0:
        return found
    z = ndtri(0.975)
    return found | {
        "low": gone - there - z * error,
        "high": gone - there + z * error,
        "p_value": 2 * ndtr(-abs(gone - there) / error),
    }
