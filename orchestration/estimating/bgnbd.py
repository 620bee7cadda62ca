"""
BG/NBD: how often customers order, and whether they still do; by maximum likelihood with a weak
prior.

Fader, Hardie and Lee (2005): while a customer lives, orders come at a rate that differs from
customer to customer; after each order the customer may leave for good. All that it needs is how
often, how recently and for how long.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import minimize, root
from scipy.special import digamma, gammaln, hyp2f1

PARAMETERS = ("r", "alpha", "a", "b")
FEWEST = 50  # customers with a repeat order, below which nothing is fitted
CENTRE, REACH = 2, 10  # of the logarithms of parameters: what a fit may find
DIGITS = 4  # after the point, of the logarithms of parameters
STEEP = 1e-10  # slope of the likelihood of a mean customer above which the search has not ended

Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]


def fit(loss: Loss, count: int, customers: float) -> np.ndarray:
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

    return fit(loss, 4, weights.sum())


def alive_rates(parameters: np.ndarray, customers: pd.DataFrame) -> np.ndarray:
    """Chance of each customer to be alive; who never ordered again is, by the model."""
    r, alpha, a, b = parameters
    x = customers["repeat_count"].to_numpy(float)
    recency, age = (customers[n].to_numpy(float) / 7 for n in ("recency_days", "age_days"))
    odds = np.where(
        x > 0, a / (b + np.maximum(x, 1) - 1) * ((alpha + age) / (alpha + recency)) ** (r + x), 0
    )
    return 1 / (1 + odds)


def expected_orders(
    parameters: np.ndarray, customers: pd.DataFrame, horizon_days: float | np.ndarray
) -> np.ndarray:
    """Order days of each customer in the next `horizon_days`."""
    r, alpha, a, b = parameters
    x = customers["repeat_count"].to_numpy(float)
    age = customers["age_days"].to_numpy(float) / 7
    ahead = horizon_days / 7
    shrunk = (alpha + age) / (alpha + age + ahead)
    series = hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + age + ahead))
    if_alive = (a + b + x - 1) / (a - 1) * (1 - shrunk ** (r + x) * series)
    return if_alive * alive_rates(parameters, customers)


def is_degenerate(parameters: np.ndarray) -> bool:
    """Whether a fit ended at the bounds of what it may find, where the data tell nothing."""
    return bool((np.abs(np.log(parameters) - CENTRE) > REACH * 0.99).any())
