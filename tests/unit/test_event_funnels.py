"""
Funnels of events: stories that vendors publish, told anew, and an exact reference.

Loose order by Bloomreach (Funnels: Technical reference), the longest of several ways and exact
order by StarRocks (window_funnel), events of one instant by Amplitude (How Amplitude handles
simultaneous events), closed funnels by GA4: who skips a step has not reached the next one.
"""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import python_model


@pytest.fixture(scope="module")
def funnels() -> ModuleType:
    return python_model("int_event_funnel_entries_matched")


def events(module: ModuleType, story: str, steps: str, without: dict[str, int]) -> list[Any]:
    """`A B@5 C`: a letter per event, a second apart or at the second named; steps are letters."""
    told = []
    at = -1
    for number, word in enumerate(story.split()):
        name, _, second = word.partition("@")
        at = int(second) if second else at + 1
        event = module.Event(f"e{number:03}", pd.Timestamp("2026-01-01") + pd.Timedelta(seconds=at))
        event.steps = {place for place, step in enumerate(steps, 1) if step == name}
        if name in without:
            event.exclusions = {without[name]}
        told.append(event)
    return told


def reached(
    module: ModuleType,
    story: str,
    steps: str,
    order: str = "this_order",
    seconds: int | None = None,
    without: dict[str, int] | None = None,
) -> tuple[int, bool, list[int]]:
    """Steps reached, whether an exclusion ended it, and the seconds at which they were reached."""
    attempt = module.furthest(
        events(module, story, steps, without or {}), order, len(steps), seconds
    )
    if attempt is None:
        return 0, False, []
    first = pd.Timestamp("2026-01-01")
    times = [int((event.at - first).total_seconds()) for event in attempt.path]
    return len(times), attempt.is_stopped, times


@pytest.mark.parametrize(
    ("story", "steps", "count"),
    [
        ("A B C D E", "ABCDE", 5),
        ("A B F C D E", "ABCDE", 5),  # another event between does not matter
        ("A B C E", "ABCDE", 3),  # who skips a step does not reach the next
        ("A B C E D E", "ABCDE", 5),  # the later E counts
        ("B C D", "ABCD", 0),  # closed: one enters at the first step
        ("B A C", "ABC", 1),
        ("A A", "AA", 2),
        ("A", "AA", 1),  # one event is one step
        ("A B", "AAB", 1),
        ("A A B", "AAB", 3),
        ("B@0 A@0", "AB", 2),  # one instant: in the order of the steps
        ("A B C B D", "ABCD", 4),
    ],
)
def test_this_order(funnels: ModuleType, story: str, steps: str, count: int) -> None:
    assert reached(funnels, story, steps)[0] == count


@pytest.mark.parametrize(
    ("story", "steps", "count"),
    [
        ("A B C", "ABC", 3),
        ("A X B C", "ABC", 1),  # any other event breaks it
        ("A B D C", "ABCD", 2),
        ("A A B C", "ABC", 3),  # begun again
        ("A B X A B C", "ABC", 3),  # the later attempt went further
        ("X A B", "AB", 2),
        ("A@0 X@0 B@0", "AB", 2),  # of one instant, what is no step comes last
    ],
)
def test_exact_order(funnels: ModuleType, story: str, steps: str, count: int) -> None:
    assert reached(funnels, story, steps, "exact_order")[0] == count


@pytest.mark.parametrize(
    ("story", "steps", "count"),
    [
        ("C A B", "ABC", 3),
        ("B", "ABC", 1),  # begun by any step
        ("A A A", "ABC", 1),
        ("A X C", "ABC", 2),
        ("A", "AA", 1),
        ("A B A", "AAB", 3),
    ],
)
def test_any_order(funnels: ModuleType, story: str, steps: str, count: int) -> None:
    assert reached(funnels, story, steps, "any_order")[0] == count


def test_an_event_of_two_steps_takes_the_one_that_helps(funnels: ModuleType) -> None:
    """The first event could be either step, the second one only step 1: both are done."""
    either = funnels.Event("a", pd.Timestamp("2026-01-01 00:00:00"), steps={1, 2})
    first = funnels.Event("b", pd.Timestamp("2026-01-01 00:00:01"), steps={1})
    assert len(funnels.furthest([either, first], "any_order", 2, None).path) == 2
    assert len(funnels.furthest([either], "any_order", 2, None).path) == 1
    assert len(funnels.furthest([either], "this_order", 2, None).path) == 1


def test_the_window_counts_from_the_first_step_and_a_later_start_may_convert(
    funnels: ModuleType,
) -> None:
    assert reached(funnels, "A@0 B@10", "AB", seconds=10) == (2, False, [0, 10])
    assert reached(funnels, "A@0 B@11", "AB", seconds=10)[0] == 1
    assert reached(funnels, "A@0 B@9 C@18", "ABC", seconds=10)[0] == 2  # not from step to step
    assert reached(funnels, "A@0 A@8 B@15", "AB", seconds=10) == (2, False, [8, 15])
    assert reached(funnels, "A@0 A@8 B@9", "AB", seconds=10) == (2, False, [0, 9])  # the first
    assert reached(funnels, "B@0 A@20", "AB", "any_order", seconds=10)[0] == 1


def test_an_exclusion_counts_between_its_steps_only(funnels: ModuleType) -> None:
    def of(story: str, **more: Any) -> tuple[int, bool]:
        return reached(funnels, story, "ABC", without={"X": 1}, **more)[:2]

    assert of("A B C") == (3, False)
    assert of("X A B C") == (3, False)  # before the first step
    assert of("A B X C") == (3, False)  # between others
    assert of("A B C X") == (3, False)
    assert of("A X B C") == (1, True)
    assert of("A X A B C") == (3, False)  # begun again
    assert of("A X") == (1, True)
    assert of("A@0 X@20 B@21", seconds=10) == (1, False)  # the window had passed before
    # Closed after the first B, open again with the second.
    assert reached(funnels, "A B X B C", "ABC", without={"X": 2})[:2] == (3, False)
    assert reached(funnels, "A B X C", "ABC", without={"X": 2})[:2] == (2, True)
    assert reached(funnels, "A X C", "AC", "any_order", without={"X": 1})[:2] == (1, True)


def test_an_exclusion_that_is_its_step_as_well_opens_it_again(funnels: ModuleType) -> None:
    """Between A and the second B lies nothing that counts; after the first B lies the second."""
    start = pd.Timestamp("2026-01-01")
    told = [
        funnels.Event(f"e{n}", start + pd.Timedelta(seconds=n), steps=steps, exclusions=exclusions)
        for n, (steps, exclusions) in enumerate(
            [({1}, set()), ({2}, set()), ({2}, {2}), ({3}, set())]
        )
    ]
    attempt = funnels.furthest(told, "this_order", 3, None)
    assert [event.event_id for event in attempt.path] == ["e0", "e2", "e3"]
    assert not attempt.is_stopped


def reference(told: list[Any], steps: int, order: str, seconds: int | None) -> int:
    """Steps that any choice of events can fulfil: every choice is tried."""
    told = sorted(told, key=lambda event: event.order)
    best = 0
    for size in range(1, steps + 1):
        for chosen in itertools.combinations(range(len(told)), size):
            picked = [told[place] for place in chosen]
            if seconds is not None and (picked[-1].at - picked[0].at).total_seconds() > seconds:
                continue
            if order == "any_order":
                fits = any(
                    all(
                        step in event.steps for step, event in zip(given_steps, picked, strict=True)
                    )
                    for given_steps in itertools.permutations(range(1, steps + 1), size)
                )
            else:
                fits = all(number in event.steps for number, event in enumerate(picked, 1))
                if order == "exact_order":
                    fits = fits and chosen == tuple(range(chosen[0], chosen[0] + size))
                else:
                    fits = fits and not any(
                        number in told[place].exclusions and number + 1 not in told[place].steps
                        for number, (left, right) in enumerate(itertools.pairwise(chosen), 1)
                        for place in range(left + 1, right)
                    )
            best = max(best, size if fits else 0)
    return best


@settings(max_examples=400, deadline=None)
@given(
    story=st.lists(
        st.tuples(
            st.integers(0, 6), st.sets(st.integers(1, 3)), st.sets(st.integers(1, 2), max_size=1)
        ),
        max_size=7,
    ),
    order=st.sampled_from(["this_order", "exact_order", "any_order"]),
    seconds=st.sampled_from([None, 2, 4]),
)
def test_reaches_what_every_choice_of_events_reaches(
    funnels: ModuleType,
    story: list[tuple[int, set[int], set[int]]],
    order: str,
    seconds: int | None,
) -> None:
    told = [
        funnels.Event(
            f"e{number}",
            pd.Timestamp("2026-01-01") + pd.Timedelta(seconds=at),
            steps=steps,
            exclusions=exclusions if order == "this_order" else set(),
        )
        for number, (at, steps, exclusions) in enumerate(story)
    ]
    attempt = funnels.furthest(told, order, 3, seconds)
    assert (len(attempt.path) if attempt else 0) == reference(told, 3, order, seconds)


def test_persons_count_once_a_month_by_the_starts_of_that_month(funnels: ModuleType) -> None:
    """Begun in January and in February: a start of January may convert in February."""
    watched = pd.DataFrame(
        [
            ("f", "p", "a", "s1", 1, 0, "2026-01-01", "2026-01-30"),
            ("f", "p", "b", "s2", 2, 0, "2026-02-01", "2026-02-02"),
            ("f", "p", "c", "s3", 1, 0, "2026-02-01", "2026-02-03"),
            ("f", "q", "d", "s4", 2, 0, "2026-02-01", "2026-02-03"),
        ],
        columns=["funnel", "unit_id", "event_id", "session_id", "step_number",
                 "exclusion_number", "month_start_date", "occurred_at"],
    )  # fmt: skip
    watched["occurred_at"] = pd.to_datetime(watched["occurred_at"])
    rules = pd.DataFrame([("f", "this_order", 30 * 86400)],
                         columns=["funnel", "step_order", "window_seconds"])  # fmt: skip
    steps = pd.DataFrame([("f", 1), ("f", 2)], columns=["funnel", "step_number"])
    found = funnels.match_all(watched, rules, steps)
    assert [
        (row.unit_id, row.month_start_date.month, row.step_number, row.event_id, row.session_id)
        for row in found.itertuples()
    ] == [("p", 1, 1, "a", "s1"), ("p", 1, 2, "b", "s1"), ("p", 2, 1, "c", "s3")]
    nothing = funnels.match_all(watched[:0], rules[:0], steps[:0])
    assert len(nothing) == 0 and list(nothing.columns) == list(found.columns)
