"""Groups of customers who behave alike: planted ones, none, and the same on every machine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from orchestration.estimating import groups


def customers(values: np.ndarray) -> pd.DataFrame:
    """Customers of today with so much of each behaviour."""
    return pd.DataFrame(values, columns=pd.Index(groups.BEHAVIOUR)).assign(
        is_serving=True, person_id=[f"p{number:05}" for number in range(len(values))]
    )


def cloud(seed: int, count: int = 300) -> np.ndarray:
    """Behaviours of a common cause, and no groups."""
    generator = np.random.default_rng(seed)
    normal = generator.standard_normal((count, len(groups.BEHAVIOUR)))
    return np.exp(normal + generator.standard_normal((count, 1)))


def planted(seed: int, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Three groups, of which each does three behaviours more than the others."""
    which = np.arange(count) % 3
    normal = np.random.default_rng(seed).standard_normal((count, len(groups.BEHAVIOUR)))
    more = np.arange(len(groups.BEHAVIOUR)) % 3 == which[:, None]
    return np.exp(normal + 2.5 * more), which


@pytest.mark.parametrize("seed", range(3))
def test_planted_groups_are_found_and_named_by_what_sets_them_apart(seed: int) -> None:
    values, which = planted(seed)
    found = groups.propose(customers(values))
    assert set(found["grouping_verdict"]) == {"grouped"}
    codes = found["behaviour_group"].astype("category").cat.codes
    assert adjusted_rand_score(which, codes) > 0.8
    assert (found["group_stability"] >= groups.STABLE).all()
    assert found["adjusted_rand"].iloc[0] > 0.8
    sizes = found["behaviour_group"].value_counts()
    assert list(sizes.sort_index()) == sorted(sizes, reverse=True)  # the largest is the first
    for number in range(3):
        traits = found.loc[which == number, ["first_trait", "second_trait"]].mode().iloc[0]
        own = {f"{name}_high" for name in groups.BEHAVIOUR[number::3]}
        assert set(traits) & own


def test_of_clouds_there_are_no_groups_though_their_halves_agree() -> None:
    """Cut in two they look the same again and again, as any cloud does; one in forty passes."""
    verdicts = []
    for seed in range(6):
        values, _ = groups.behaviour_of(customers(cloud(seed)))
        assert groups.stable(values, 2, np.random.default_rng(2)) is not None
        found = groups.propose(customers(cloud(seed)))
        verdicts += set(found["grouping_verdict"])
        if verdicts[-1] == "no_stable_grouping":
            assert found[["behaviour_group", *groups.NUMBERS]].isna().all(axis=None)
    assert verdicts.count("no_stable_grouping") >= 5


def test_few_customers_and_those_of_the_past_have_none() -> None:
    few = groups.propose(customers(planted(1, 149)[0]))
    assert set(few["grouping_verdict"]) == {"too_few"}
    past = customers(planted(1)[0]).assign(is_serving=False)
    assert groups.propose(past).empty and list(groups.propose(past).columns) == groups.COLUMNS


def test_the_order_of_rows_and_what_is_unknown_change_no_group() -> None:
    values, _ = planted(4, 1300)  # more than are looked at
    given = customers(values)
    given.loc[::7, "coupon_rate"] = np.nan
    given["visit_recency_days"] = np.nan
    found = groups.propose(given)
    assert found["behaviour_group"].notna().all()
    pd.testing.assert_frame_equal(found, groups.propose(given.sample(frac=1, random_state=3)))


def test_k_means_and_agreement_are_those_of_scikit_learn() -> None:
    values, _ = groups.behaviour_of(customers(planted(5)[0]))
    for count in (2, 3, 5):
        centres, within = groups.k_means(values, count, np.random.default_rng(1))
        theirs = KMeans(count, n_init=20, random_state=1).fit(values)
        assert within <= theirs.inertia_ * 1.02
        labels = groups.nearest(values, centres)
        assert groups.adjusted_rand(labels, theirs.labels_) == pytest.approx(
            adjusted_rand_score(labels, theirs.labels_)
        )


def test_roots_are_those_of_the_covariance() -> None:
    values, _ = groups.behaviour_of(customers(cloud(6)))
    roots = groups.roots_of(groups.covariance_of(values))
    assert roots @ roots.T == pytest.approx(np.cov(values.T, bias=True), abs=1e-5)
