"""
Groups of customers who behave alike: k-means, only where the groups are there again and again.

Proposals beside the personas of the rules. Customers are described by what they do (`BEHAVIOUR`;
logarithms, standardised, at most `FURTHEST` deviations from the mean). Of two to `MOST` groups the
most are kept that pass both:

- Stability (Hennig 2007): in random halves of the customers each group is found again, with a mean
  Jaccard index of at least `STABLE` and no group of less than `SMALLEST_RATE` of the customers.
- More than a cloud cut in parts (after Liu, Hayes, Nobel and Marron 2008): the sum of squares
  within the groups is less than in any of `CLOUDS` clouds that have the same values of each
  behaviour and, by ranks, the same correlations (a normal copula), by a margin that a cloud has in
  `CHANCE` of cases (t distribution). Stability alone does not tell: a long cloud is halved at the
  same place each time.

What passes none has no stable grouping, and nobody gets a group. All sums go feature by feature and
in one order, without a library of linear algebra, so that every processor finds the same.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

BEHAVIOUR = (
    "order_recency_days", "order_day_count", "average_amount", "coupon_rate", "recent_visit_count",
    "visit_recency_days", "recent_activity_count", "subscription_count",
)  # fmt: skip
FEWEST = 150  # customers to look for groups among
SAMPLE = 1_000  # customers that groups are looked for among; the others get the nearest one
MOST, STARTS, STEPS = 6, 4, 100
HALVES, STABLE, SMALLEST_RATE = 20, 0.75, 0.05
FITTED, CLOUDS, CHANCE = 12, 20, 0.01  # for each of five numbers of groups, so 5 % for all
FURTHEST, DIGITS = 3.0, 6
DIFFERENT = 0.25  # deviations from the mean of all, below which a behaviour sets no group apart
COLUMNS = ["person_id", "grouping_verdict", "behaviour_group", "first_trait", "second_trait",
           "group_stability", "adjusted_rand"]  # fmt: skip
NUMBERS = COLUMNS[-2:]


@dataclass
class Grouping:
    """Centres of groups, how stable each is, and agreement of all with those of halves."""

    centres: np.ndarray
    stabilities: np.ndarray
    adjusted_rand: float


def distances(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distance from each centre (a row) of each row of the values (a column)."""
    found = np.zeros((len(centres), len(values)))
    for feature in range(values.shape[1]):
        found += (values[:, feature] - centres[:, feature, None]) ** 2
    return found


def nearest(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest centre of each row, the first of equals."""
    return distances(values, centres).round(DIGITS).argmin(axis=0)


def means(values: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Mean of the rows of each label; an empty one stays where it was."""
    count, width = centres.shape
    counts = np.bincount(labels, minlength=count)[:, None]
    sums = np.empty(centres.shape)
    for feature in range(width):
        sums[:, feature] = np.bincount(labels, values[:, feature], minlength=count)
    return np.where(counts > 0, sums / np.maximum(counts, 1), centres).round(DIGITS)


def k_means(
    values: np.ndarray, count: int, generator: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Centres with the least sum of squares of a few starts (k-means++), and that sum."""
    values = np.asfortranarray(values)  # each feature in one piece
    best, least = values[:count], np.inf
    for _ in range(STARTS):
        centres = values[[generator.integers(len(values))]]
        away = distances(values, centres)[0]
        while len(centres) < count:
            reached = away.round(DIGITS).cumsum()
            place = np.searchsorted(reached, generator.random() * reached[-1], side="right")
            centres = np.vstack([centres, values[[min(place, len(values) - 1)]]])
            away = np.minimum(away, distances(values, centres[-1:])[0])
        for _ in range(STEPS):
            moved = means(values, nearest(values, centres), centres)
            if (moved == centres).all():
                break
            centres = moved
        within = round(float(distances(values, centres).min(axis=0).cumsum()[-1]), DIGITS)
        if within < least:
            best, least = centres, within
    return best, least


def adjusted_rand(left: np.ndarray, right: np.ndarray) -> float:
    """Agreement of two groupings, 1 if equal, about 0 if by chance (Hubert and Arabie 1985)."""
    both = np.zeros((left.max() + 1, right.max() + 1))
    np.add.at(both, (left, right), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    rows, columns = pairs(both.sum(axis=1)), pairs(both.sum(axis=0))
    expected = rows * columns / pairs(np.array([len(left)]))
    most = (rows + columns) / 2
    return 1.0 if most == expected else (pairs(both) - expected) / (most - expected)


def jaccards(labels: np.ndarray, others: np.ndarray, count: int) -> np.ndarray:
    """Of each group the Jaccard index with the group of the other grouping that is most like it."""
    found = np.zeros(count)
    for group in range(count):
        mine = labels == group
        for other in range(count):
            theirs = others == other
            either = (mine | theirs).sum()
            found[group] = max(found[group], (mine & theirs).sum() / either if either else 0.0)
    return found


def stable(values: np.ndarray, count: int, generator: np.random.Generator) -> Grouping | None:
    """So many groups, if each is found again in halves and none is tiny."""
    centres, _ = k_means(values, count, generator)
    labels = nearest(values, centres)
    if np.bincount(labels, minlength=count).min() < SMALLEST_RATE * len(values):
        return None
    agreement, overlap = 0.0, np.zeros(count)
    for half in range(HALVES):
        drawn = generator.permutation(len(values))[: len(values) // 2]
        others = nearest(values, k_means(values[drawn], count, generator)[0])
        agreement += adjusted_rand(labels, others)
        overlap += jaccards(labels, others, count)
        if (overlap.min() + HALVES - half - 1) / HALVES < STABLE:  # whatever the others say
            return None
    return Grouping(centres, overlap / HALVES, agreement / HALVES)


def covariance_of(values: np.ndarray) -> np.ndarray:
    """Covariances of columns."""
    width = values.shape[1]
    centred = values - values.mean(axis=0)
    found = np.zeros((width, width))
    for row in range(width):
        for column in range(row + 1):
            both = float((centred[:, row] * centred[:, column]).cumsum()[-1]) / len(values)
            found[row, column] = found[column, row] = both
    return found.round(DIGITS)


def roots_of(covariance: np.ndarray) -> np.ndarray:
    """Cholesky's factor of a covariance, by which standard normals get it."""
    width = len(covariance)
    roots = np.zeros((width, width))
    for row in range(width):
        for column in range(row + 1):
            both = covariance[row, column] - float(
                sum(roots[row, :column] * roots[column, :column])
            )
            if row == column:
                roots[row, row] = np.sqrt(max(both, 1e-6))
            else:
                roots[row, column] = both / roots[column, column]
    return roots.round(DIGITS)


def places_in_cloud(
    correlation: np.ndarray, rows: int, generator: np.random.Generator
) -> np.ndarray:
    """Of each row and feature its place from the least, drawn with that correlation of normals."""
    normal = generator.standard_normal((rows, len(correlation)))
    roots = roots_of(correlation)
    mixed = np.zeros(normal.shape)
    for feature in range(len(correlation)):
        mixed += normal[:, feature, None] * roots[None, :, feature]
    return mixed.round(DIGITS).argsort(axis=0, kind="stable").argsort(axis=0)


def correlation_of_cloud(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """
    The correlation of normals with which clouds are correlated, by ranks, as the values are.

    Equal values, as of those who never did something, share a rank and so look less correlated than
    what lies behind them: the correlation is moved until drawn clouds look the same.
    """
    ranks = pd.DataFrame(values).rank().to_numpy()
    scores = ndtri((ranks - 0.5) / len(values)).round(DIGITS)
    wanted, ordered = covariance_of(scores), np.sort(scores, axis=0)
    spread = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted)))
    correlation = wanted / spread
    for step in range(1, FITTED + 1):
        places = places_in_cloud(correlation, len(values), generator)
        cloud = np.take_along_axis(ordered, places, axis=0)
        off = (wanted - covariance_of(cloud)) / spread
        correlation = (correlation + off / math.sqrt(step)).clip(-0.99, 0.99)
        np.fill_diagonal(correlation, 1.0)
    return correlation.round(DIGITS)


def is_more_than_a_cloud(values: np.ndarray, count: int, generator: np.random.Generator) -> bool:
    """Whether clouds with the same values and correlations are clearly parted less."""
    within = k_means(values, count, generator)[1]
    ordered = np.sort(values, axis=0)
    correlation = correlation_of_cloud(values, generator)
    sums: list[float] = []
    for _ in range(CLOUDS):
        places = places_in_cloud(correlation, len(values), generator)
        sums.append(k_means(np.take_along_axis(ordered, places, axis=0), count, generator)[1])
        if sums[-1] <= within:
            return False
    margin = stdtrit(CLOUDS - 1, 1 - CHANCE) * math.sqrt(1 + 1 / CLOUDS) * statistics.stdev(sums)
    return within < round(statistics.fmean(sums) - margin, DIGITS)


def grouping_of(values: np.ndarray) -> Grouping | None:
    """The most groups that are stable and more than a cloud; None without."""
    for count in range(MOST, 1, -1):
        generator = np.random.default_rng(count)
        found = stable(values, count, generator)
        if found is not None and is_more_than_a_cloud(values, count, generator):
            return found
    return None


def behaviour_of(customers: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Standardised behaviour, and the columns that differ; what is unknown counts as the mean."""
    names = [name for name in BEHAVIOUR if customers[name].nunique() > 1]
    values = np.log1p(customers[names].to_numpy(float).clip(min=0)).round(DIGITS)
    middles, deviations = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    standard = np.nan_to_num((values - middles) / deviations).clip(-FURTHEST, FURTHEST)
    return standard.round(DIGITS), names


def traits_of(centre: np.ndarray, names: list[str]) -> list[str | None]:
    """The two behaviours in which a group differs most from all customers."""
    order = sorted(range(len(names)), key=lambda number: (-abs(centre[number]), number))
    told: list[str | None] = [
        f"{names[number]}_{'high' if centre[number] > 0 else 'low'}"
        for number in order
        if abs(centre[number]) >= DIFFERENT
    ]
    return [*told, None, None][:2]


def propose(features: pd.DataFrame) -> pd.DataFrame:
    """One row per customer of today, with their group or the reason why there are none."""
    customers = features[features["is_serving"]].sort_values("person_id", ignore_index=True)
    found = pd.DataFrame(index=customers.index, columns=COLUMNS, dtype=object)
    found["person_id"] = customers["person_id"]
    found[NUMBERS] = np.nan
    found["grouping_verdict"] = "too_few" if len(customers) < FEWEST else "no_stable_grouping"
    if len(customers) >= FEWEST:
        values, names = behaviour_of(customers)
        chosen = np.sort(np.random.default_rng(26).permutation(len(values))[:SAMPLE])
        if names and (grouping := grouping_of(values[chosen])) is not None:
            labels = nearest(values, grouping.centres)
            order = np.lexsort((*grouping.centres.T[::-1], -np.bincount(labels)))
            found["grouping_verdict"] = "grouped"
            for number, group in enumerate(order, 1):
                mine = labels == group
                found.loc[mine, "behaviour_group"] = f"group_{number}"
                found.loc[mine, ["first_trait", "second_trait"]] = traits_of(
                    grouping.centres[group], names
                )
                found.loc[mine, "group_stability"] = grouping.stabilities[group]
            found["adjusted_rand"] = grouping.adjusted_rand
    found[NUMBERS] = found[NUMBERS].astype(float).round(DIGITS)
    return found.astype(dict.fromkeys(COLUMNS[:5], "str"))
