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
from scipy.optimize import minimize, root
from scipy.special import digamma, gammaln, hyp2f1

FEWEST = 50  # customers with a repeat order, below which nothing is fitted
TOLERANCE = 0.1  # of what was expected, by which a back-test may miss in any case
CENTRE, REACH = 2, 10  # of the logarithms of parameters: what a fit may find
DIGITS = 4  # after the point, of the logarithms of parameters
STEEP = 1e-10  # slope of the likelihood of a mean customer above which the search has not ended
COLUMNS = ["sample", "person_id", "model_fitness", "expected_orders", "expected_amount"]


def _fit(loss, count: int, customers: float) -> np.ndarray:
    """
    Parameters above 0 with the least `loss` of a mean customer, which gives its value and slopes.

    A weak prior (logarithms around `CENTRE`, a standard deviation of `REACH` / 2) stands for what
    few customers cannot tell: without it a likelihood can be flat, and the search ends where the
    last digits of sums say, which differ from processor to processor. Newton's steps end it at a
    slope of nothing, and logarithms are rounded to `DIGITS`, which all processors agree on.
    """

    def by_logs(logs: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = loss(np.exp(logs))
        away = (logs - CENTRE) / (REACH / 2)
        return value + (away**2).sum() / 2 / customers, (
            slopes * np.exp(logs) + away / (REACH / 2) / customers
        )

    bounds = [(CENTRE - REACH, CENTRE + REACH)] * count
    near = minimize(by_logs, np.zeros(count), jac=True, method="L-BFGS-B", bounds=bounds,
                    options={"maxiter": 1000, "ftol": 0, "gtol": 1e-8})  # fmt: skip
    with np.errstate(over="ignore", invalid="ignore"):  # steps beyond the bounds
        exact = root(lambda logs: by_logs(logs)[1], near.x, tol=1e-12)
    found = exact.x if np.abs(exact.fun).max() < STEEP else near.x
    return np.exp(np.clip(found.round(DIGITS), CENTRE - REACH, CENTRE + REACH))


def fit_orders(customers: pd.DataFrame) -> np.ndarray:
    """BG/NBD's r, alpha, a, b of `repeat_count`, `recency_days` and `age_days`; time in weeks."""
    grouped = customers.groupby(["repeat_count", "recency_days", "age_days"]).size()
    x, recency, age = (grouped.index.get_level_values(i).to_numpy(float) for i in range(3))
    recency, age, weights = recency / 7, age / 7, grouped.to_numpy(float)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha, a, b = parameters
        alive = -(r + x) * np.log(alpha + age)
        gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + recency)
        likelihood = (
            gammaln(r + x) - gammaln(r) + r * np.log(alpha)
            + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
            + np.where(x > 0, np.logaddexp(alive, gone), alive)
        )  # fmt: skip
        alive = np.where(x > 0, 1 / (1 + np.exp(gone - alive)), 1)  # from here on the share of it
        gone = 1 - alive
        slopes = [
            digamma(r + x) - digamma(r) + np.log(alpha)
            - alive * np.log(alpha + age) - gone * np.log(alpha + recency),
            r / alpha - (r + x) * (alive / (alpha + age) + gone / (alpha + recency)),
            digamma(a + b) - digamma(a + b + x) + gone / a,
            digamma(a + b) + digamma(b + x) - digamma(b) - digamma(a + b + x)
            - gone / (b + np.maximum(x, 1) - 1),
        ]  # fmt: skip
        return -np.average(likelihood, weights=weights), -np.average(slopes, 1, weights)

    return _fit(loss, 4, weights.sum())


def expected_orders(
    parameters: np.ndarray, customers: pd.DataFrame, horizon_days: float
) -> np.ndarray:
    """Order days of each customer in the next `horizon_days`."""
    r, alpha, a, b = parameters
    x = customers["repeat_count"].to_numpy(float)
    recency, age = (customers[n].to_numpy(float) / 7 for n in ("recency_days", "age_days"))
    ahead = horizon_days / 7
    shrunk = (alpha + age) / (alpha + age + ahead)
    series = hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + age + ahead))
    if_alive = (a + b + x - 1) / (a - 1) * (1 - shrunk ** (r + x) * series)
    odds = np.where(
        x > 0, a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + recency)) ** (r + x), 0
    )
    return if_alive / (1 + odds)


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

    return _fit(loss, 3, len(x))


def expected_spend(parameters: np.ndarray, customers: pd.DataFrame) -> np.ndarray:
    """Mean amount of an order day of each customer, in the unit of `repeat_amount`."""
    p, q, v = parameters
    x, mean = customers["repeat_count"].to_numpy(float), customers["repeat_amount"].to_numpy(float)
    below = p * x + q - 1  # the mean amount of customers is not finite unless this is above 0
    return np.where(below > 0, p * (v + x * mean) / np.maximum(below, 1e-9), mean[x > 0].mean())


def is_degenerate(parameters: np.ndarray) -> bool:
    """Whether a fit ended at the bounds of what it may find, where the data tell nothing."""
    return bool((np.abs(np.log(parameters) - CENTRE) > REACH * 0.99).any())


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
