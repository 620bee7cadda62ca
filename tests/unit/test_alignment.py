"""Alignment of observed with designed journeys, against an exact reference that shares no code."""

from __future__ import annotations

import itertools
from functools import cache
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import python_model

STEPS = st.lists(st.sampled_from("abcd"), max_size=12)


@pytest.fixture(scope="module")
def alignment() -> ModuleType:
    return python_model("int_journey_paths_aligned")


def reference_cost(observed: list[str], expected: list[str]) -> int:
    """Least number of steps to insert and delete: dynamic programming over prefixes."""

    @cache
    def cost(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        if observed[i - 1] == expected[j - 1]:
            return cost(i - 1, j - 1)
        return 1 + min(cost(i - 1, j), cost(i, j - 1))

    return cost(len(observed), len(expected))


@settings(max_examples=1000, deadline=None)
@given(observed=STEPS, expected=STEPS)
def test_costs_what_the_exact_reference_costs(
    alignment: ModuleType, observed: list[str], expected: list[str]
) -> None:
    pairs = alignment.align(observed, expected)
    assert len(observed) + len(expected) - 2 * len(pairs) == reference_cost(observed, expected)
    assert all(expected[j] == observed[i] for j, i in pairs)
    for (j, i), (next_j, next_i) in itertools.pairwise(pairs):
        assert j < next_j and i < next_i


@pytest.mark.parametrize(
    ("observed", "expected", "cost"),
    [  # the examples of docs/journeys-and-kpis.md
        ("A C P U R", "A C P U R", 0),
        ("A C P U", "A C P U R", 1),
        ("A P C U R", "A C P U R", 2),
        ("P V U", "P U R", 2),
        ("", "A C P", 3),
        ("V V", "A C P", 5),
    ],
)
def test_the_examples_by_hand(
    alignment: ModuleType, observed: str, expected: str, cost: int
) -> None:
    left, right = observed.split(), expected.split()
    assert len(left) + len(right) - 2 * len(alignment.align(left, right)) == cost


def test_of_several_the_earliest_steps_count(alignment: ModuleType) -> None:
    assert alignment.align(["a", "b", "a"], ["a"]) == [(0, 0)]
    assert alignment.align(["b", "a", "b"], ["a", "b"]) == [(0, 1), (1, 2)]


def test_one_row_per_matched_step(alignment: ModuleType) -> None:
    paths = pd.DataFrame(
        {
            "path_map_id": ["x", "y"],
            "path": ["order > delivery > order", ""],
            "map_path": ["order > order", "order"],
        }
    )
    assert alignment.align_all(paths).to_dict("records") == [
        {"path_map_id": "x", "map_step_number": 1, "path_step_number": 1},
        {"path_map_id": "x", "map_step_number": 2, "path_step_number": 3},
    ]


def test_nothing_to_align_is_an_empty_table(alignment: ModuleType) -> None:
    empty = pd.DataFrame({"path_map_id": [], "path": [], "map_path": []})
    assert list(alignment.align_all(empty).columns) == [
        "path_map_id",
        "map_step_number",
        "path_step_number",
    ]
