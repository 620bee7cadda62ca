"""
Expected orders and spend of a customer: BG/NBD and Gamma-Gamma models, by maximum likelihood with
a weak prior.

BG/NBD (Fader, Hardie and Lee 2005): while a customer lives, orders come at a rate that differs from
customer to customer; after each order the customer may leave for good. Gamma-Gamma (Fader and
Hardie 2013): an order's amount varies around a mean that differs from customer to customer. Both
need only how often, how recently and for how long, and the mean amount of repeat orders.
"""

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln

from orchestration.estimating.bgnbd import (
    FEWEST,
    expected_orders,
    fit,
    fit_orders,
    is_degenerate,
)

TOLERANCE = 0.1  # of what was expected, by which a back-test may miss in any case
COLUMNS = ["sample", "person_id", "model_fitness", "expected_orders", "expected_amount"]


def fit_spend(customers: pd.DataFrame) -> np.ndarray:
    """Gamma-Gamma's p, q, v of customers with a repeat order; amounts best near 1."""
    x, mean = customers["repeat_count"].to_numpy(float), customers["repeat_amount"].to_numpy(float)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, v = parameters
        likelihood = (
            gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
            + (p * x - 1) * np.log(mean) + p * x * np.log(x) - (p * x + q) * np.log(x * mean + v)
        )  # fmt: skip
        slopes = [
            x * (digamma(p * x + q) - digamma(p * x) + np.log(x * mean) - np.log(x * mean + v)),
            digamma(p * x + q) - digamma(q) + np.log(v) - np.log(x * mean + v),
            q / v - (p * x + q) / (x * mean + v),
        ]
        return -likelihood.mean(), -np.mean(slopes, 1)

    return fit(loss, 3, len(x))


def expected_spend(parameters: np.ndarray, customers: pd.DataFrame) -> np.ndarray:
    """Mean amount of an order day of each customer, in the unit of `repeat_amount`."""
    p, q, v = parameters
    x, mean = customers["repeat_count"].to_numpy(float), customers["repeat_amount"].to_numpy(float)
    below = p * x + q - 1  # the mean amount of customers is not finite unless this is above 0
    return np.where(below > 0, p * (v + x * mean) / np.maximum(below, 1e-9), mean[x > 0].mean())


def is_missed(expected: np.ndarray, actual: np.ndarray) -> bool:
    """
    Whether a back-test went wrong: the mean miss of a customer is beyond its interval of 95 %, so
    that it is no chance, and beyond `TOLERANCE` of what was expected, so that it matters.
    """
    misses = actual - expected
    interval = 1.96 * misses.std(ddof=1) / np.sqrt(len(misses))
    return bool(abs(misses.mean()) > max(interval, TOLERANCE * expected.mean()))


def value_sample(rows: pd.DataFrame) -> tuple[str, np.ndarray, np.ndarray]:
    """Whether models fit the customers of a sample, and their expected orders and amounts."""
    nothing = np.full(len(rows), np.nan)
    repeating = rows[(rows["repeat_count"] > 0) & (rows["repeat_amount"] > 0)]
    if len(repeating) < FEWEST:
        return "too_few_customers", nothing, nothing
    unit = repeating["repeat_amount"].mean()
    scaled = rows.assign(repeat_amount=rows["repeat_amount"] / unit)
    habits, spend = fit_orders(rows), fit_spend(scaled.loc[repeating.index])
    orders = expected_orders(habits, rows, float(rows["horizon_days"].iloc[0]))
    amounts = orders * expected_spend(spend, scaled) * unit
    if is_degenerate(habits) or is_degenerate(spend) or not np.isfinite(orders + amounts).all():
        return "degenerate_parameters", nothing, nothing
    return "fit", orders.round(6), amounts.round(2)


def value_customers(customers: pd.DataFrame) -> pd.DataFrame:
    """
    `model_fitness`, `expected_orders` and `expected_amount` of each customer and sample.

    What is expected from now on is null unless the same models stood the back-test.
    """
    frames, verdicts = [], {}
    # In this order: the back-test decides whether what is expected from now on is of use.
    for name in ("backtest", "now"):
        rows = customers[customers["sample"] == name].sort_values("person_id")
        if rows.empty:
            continue
        fitness, orders, amounts = value_sample(rows)
        if fitness == "fit" and name == "backtest":
            actual = rows["actual_count"].to_numpy(float), rows["actual_amount"].to_numpy(float)
            if is_missed(orders, actual[0]) or is_missed(amounts, actual[1]):
                fitness = "backtest_missed"
        elif fitness == "fit":
            fitness = verdicts.get("backtest", "too_few_customers")
            if fitness == "too_few_customers":
                fitness = "not_backtested"
            if fitness != "fit":
                orders = amounts = np.full(len(rows), np.nan)
        verdicts[name] = fitness
        frames.append(
            pd.DataFrame(
                {
                    "sample": name,
                    "person_id": rows["person_id"],
                    "model_fitness": fitness,
                    "expected_orders": orders,
                    "expected_amount": amounts,
                }
            )
        )
    if not frames:
        return pd.DataFrame({name: [] for name in COLUMNS}).astype(
            {"sample": "str", "person_id": "str", "model_fitness": "str"}
        )
    return pd.concat(frames, ignore_index=True)[COLUMNS]


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    return value_customers(dbt.ref("int_customers_aggregated").df())
