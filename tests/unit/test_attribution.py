"""Markov chain and Shapley values against brute force, and against published results."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import factorial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import python_model

MARKOV = python_model("int_attribution_markov_valued")
SHAPLEY = python_model("int_attribution_shapley_valued")


def transitions(paths: pd.DataFrame) -> pd.DataFrame:
    """Moves of aggregated paths (`path`, `conversions`, `nulls`), counted one by one."""
    counts: dict[tuple[str, str], float] = {}
    for path, conversions, nulls in paths[["path", "conversions", "nulls"]].itertuples(index=False):
        states = [MARKOV.START, *path.split(" > ")]
        for move in pairwise(states):
            counts[move] = counts.get(move, 0) + conversions + nulls
        for end, count in ((MARKOV.CONVERSION, conversions), (MARKOV.NULL, nulls)):
            counts[states[-1], end] = counts.get((states[-1], end), 0) + count
    rows = [(*move, count) for move, count in counts.items() if count]
    return pd.DataFrame(rows, columns=["from_state", "to_state", "transition_count"])


def test_markov_equals_the_published_exact_solution(shared_data: Path) -> None:
    folder = shared_data / "attribution"
    paths = pd.read_csv(folder / "path_data.csv").rename(
        columns={"total_conversions": "conversions", "total_null": "nulls"}
    )
    expected = pd.read_csv(folder / "expected_markov_order_1.csv", index_col=0)
    found = MARKOV.removal_effects(transitions(paths)).set_index("channel").loc[expected.index]
    total = paths["conversions"].sum()
    assert total == 19_785
    np.testing.assert_allclose(found["removal_effect"], expected["removal"], rtol=1e-6)
    np.testing.assert_allclose(found["conversion_share"] * total, expected["analytic"], rtol=1e-6)


def test_markov_by_hand() -> None:
    """Half go a, half b; a converts always, b goes to a half the time: 3 of 4 convert, all by a."""
    rows = [("(start)", "a", 2), ("(start)", "b", 2), ("b", "a", 1), ("b", "(null)", 1),
            ("a", "(conversion)", 3)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["from_state", "to_state", "transition_count"])
    found = MARKOV.removal_effects(frame).set_index("channel")
    assert found["removal_effect"].to_dict() == pytest.approx({"a": 1.0, "b": 1 / 3})
    assert found["conversion_share"].to_dict() == pytest.approx({"a": 0.75, "b": 0.25})


def test_markov_without_a_conversion_gives_nothing() -> None:
    rows = [("(start)", "a", 2), ("a", "a", 1), ("a", "(null)", 2)]
    frame = pd.DataFrame(rows, columns=["from_state", "to_state", "transition_count"])
    assert MARKOV.removal_effects(frame)["conversion_share"].tolist() == [0.0]
    empty = frame.iloc[:0].assign(conversion_type="lead")
    assert list(MARKOV.removal_effects_by_type(empty).columns) == MARKOV.COLUMNS


def random_game(generator: np.random.Generator, channels: int) -> pd.DataFrame:
    """Random sets of up to `channels` channels with conversions and paths."""
    names = [f"c{number}" for number in range(channels)]
    sets = {
        tuple(sorted(generator.choice(names, generator.integers(1, channels + 1), replace=False)))
        for _ in range(generator.integers(1, 40))
    }
    conversions = generator.integers(0, 20, len(sets))
    return pd.DataFrame(
        {
            "channel_set": [" | ".join(members) for members in sorted(sets)],
            "conversion_count": conversions,
            "path_count": conversions + generator.integers(0, 30, len(sets)),
        }
    )


def brute_force(sets: pd.DataFrame, is_rate: bool) -> dict[str, float]:
    """What each channel adds, averaged over all coalitions of the others."""
    rows = [
        (frozenset(row.channel_set.split(" | ")), row.conversion_count, row.path_count)
        for row in sets.itertuples()
    ]
    channels = sorted(set().union(*(members for members, _, _ in rows)))
    n = len(channels)

    def worth(coalition: frozenset[str]) -> float:
        conversions = sum(c for members, c, _ in rows if members <= coalition)
        paths = sum(p for members, _, p in rows if members <= coalition)
        return (conversions / paths if paths else 0.0) if is_rate else conversions

    worths = {
        frozenset(members): worth(frozenset(members))
        for size in range(n + 1)
        for members in combinations(channels, size)
    }
    values = {}
    for channel in channels:
        others = [name for name in channels if name != channel]
        values[channel] = sum(
            factorial(size) * factorial(n - size - 1) / factorial(n)
            * (worths[frozenset((*members, channel))] - worths[frozenset(members)])
            for size in range(n)
            for members in combinations(others, size)
        )  # fmt: skip
    return values


@pytest.mark.parametrize("channels", range(1, 11))
def test_shapley_on_conversions_equals_all_coalitions(channels: int) -> None:
    generator = np.random.default_rng(channels)
    for _ in range(10 if channels < 9 else 2):
        sets = random_game(generator, channels)
        found = SHAPLEY.on_conversions(sets).to_dict()
        assert found == pytest.approx(brute_force(sets, is_rate=False))
        assert sum(found.values()) == pytest.approx(sets["conversion_count"].sum())


@pytest.mark.parametrize("channels", range(1, 9))
def test_shapley_on_conversion_rate_equals_all_coalitions(channels: int) -> None:
    generator = np.random.default_rng(100 + channels)
    for _ in range(10):
        sets = random_game(generator, channels)
        found = SHAPLEY.on_conversion_rate(sets).to_dict()
        assert found == pytest.approx(brute_force(sets, is_rate=True), abs=1e-12)


def test_sixteen_channels_are_exact_and_more_share_a_rest() -> None:
    generator = np.random.default_rng(7)
    for channels in (16, 20):
        members = [f"c{number}" for number in range(channels)]
        sets = pd.concat(
            [random_game(generator, channels) for _ in range(20)]
            + [pd.DataFrame({"channel_set": members, "conversion_count": 1, "path_count": 3})]
        )
        found = SHAPLEY.on_conversion_rate(sets)
        assert sorted(found.index) == sorted(
            {name for text in sets["channel_set"] for name in text.split(" | ")}
        )
        rate = sets["conversion_count"].sum() / sets["path_count"].sum()
        players = found if channels == 16 else found.drop_duplicates()
        assert len(players) == 16
        assert players.sum() == pytest.approx(rate)


def test_shares_leave_negative_values_out() -> None:
    sets = pd.DataFrame(
        {
            "conversion_type": "lead",
            "channel_set": ["a", "a | b"],
            "conversion_count": [5, 0],
            "path_count": [5, 5],
        }
    )
    found = SHAPLEY.shapley_by_type(sets).set_index("channel")
    assert found.loc["b", "rate_value"] < 0
    assert found["rate_share"].to_dict() == {"a": 1.0, "b": 0.0}
