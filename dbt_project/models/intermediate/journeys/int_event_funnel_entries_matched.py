"""
Ways through event funnels: of each unit and month the attempt that went furthest.

Pure Python over the events of one unit in their order: SQL has no bounded way to say "no other
event between" and "not that event between" of any list of steps.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

import pandas as pd

THIS_ORDER, EXACT_ORDER, ANY_ORDER = "this_order", "exact_order", "any_order"
COLUMNS = [
    "funnel", "unit_id", "month_start_date", "step_number", "event_id", "session_id",
    "reached_step_number", "is_stopped", "started_at", "occurred_at",
]  # fmt: skip


@dataclass
class Event:
    """An event of a unit: the steps that it fulfils, and those after which it may not come."""

    event_id: str
    at: pd.Timestamp
    month: object = None
    session_id: str = ""
    steps: set[int] = field(default_factory=set)
    exclusions: set[int] = field(default_factory=set)

    @property
    def order(self) -> tuple[pd.Timestamp, int, str]:
        """Events of one instant come in the order of the steps, others after them."""
        return self.at, min(self.steps, default=1_000_000), self.event_id


@dataclass
class Attempt:
    """Events at which each step was reached, from 1 on, and whether an exclusion ended it."""

    path: tuple[Event, ...]
    is_stopped: bool = False


def in_this_order(events: list[Event], steps: int) -> Attempt:
    """
    From the first event on: other events may lie between, but no exclusion after its step.

    `paths[k]` is the earliest way to step k that can still go on; a step that an exclusion has
    closed opens again with another event of that step, or with that event itself.
    """
    paths: dict[int, tuple[Event, ...]] = {1: (events[0],)}
    longest = paths[1]
    for event in events[1:]:
        if len(longest) == steps:
            break
        new: dict[int, tuple[Event, ...]] = {}
        closed = {step for step in event.exclusions if step + 1 not in event.steps}
        for step in event.steps - {1}:
            if (step not in paths or step in closed) and step - 1 in paths:
                new[step] = (*paths[step - 1], event)
        for step in closed:
            paths.pop(step, None)
        paths |= new
        longest = max([longest, *new.values()], key=len)
    ended = len(longest) < steps and len(longest) not in paths
    return Attempt(longest, ended)


def in_exact_order(events: list[Event], steps: int) -> Attempt:
    """From the first event on, each next event of the unit has to be the next step."""
    path = (events[0],)
    for event in events[1:steps]:
        if len(path) + 1 not in event.steps:
            break
        path = (*path, event)
    return Attempt(path)


def in_any_order(events: list[Event], steps: int) -> Attempt:
    """From the first event on, as many steps as events can fulfil, each one at most."""
    path: tuple[Event, ...] = ()
    holders: dict[int, Event] = {}

    def place(event: Event, tried: set[int]) -> bool:
        for step in sorted(event.steps - tried):
            tried.add(step)
            if step not in holders or place(holders[step], tried):
                holders[step] = event
                return True
        return False

    for event in events:
        if len(path) == steps:
            break
        if event.steps and place(event, set()):
            path = (*path, event)
        elif event.exclusions and path:
            return Attempt(path, True)
    return Attempt(path)


WAYS = {THIS_ORDER: in_this_order, EXACT_ORDER: in_exact_order, ANY_ORDER: in_any_order}


def most(places: list[list[int]], order: str, start: int, end: int) -> int:
    """How many steps an attempt from `start` reaches at most: exclusions may end it before."""
    if order == ANY_ORDER:
        return sum(bisect_left(own, start) < bisect_left(own, end) for own in places)
    reached = 1
    for own in places[1:]:
        following = bisect_right(own, start)
        if following == len(own) or own[following] >= end:
            break
        start, reached = own[following], reached + 1
    return reached


def furthest(
    events: list[Event], order: str, steps: int, seconds: int | None, month: object = None
) -> Attempt | None:
    """
    The attempt that reaches most steps; of several the one that starts first.

    A later start counts as well, so that who comes back in time is not lost to a start whose
    window has passed. `month` admits only starts of that month; the rest may lie after it.
    """
    events = sorted(events, key=attrgetter("order"))
    # Without a window and exclusions, what a later start reaches an earlier one reaches as well.
    is_first_enough = (
        seconds is None and order != EXACT_ORDER and not any(event.exclusions for event in events)
    )
    places = [[n for n, e in enumerate(events) if s in e.steps] for s in range(1, steps + 1)]
    best: Attempt | None = None
    for number, event in enumerate(events):
        starts = bool(event.steps) if order == ANY_ORDER else 1 in event.steps
        if starts and (month is None or event.month == month):
            end = number + steps if order == EXACT_ORDER else len(events)
            if seconds is not None:  # the last second of the window counts
                last = event.at + pd.Timedelta(seconds=seconds)
                end = min(end, bisect_right(events, last, lo=number, key=attrgetter("at")))
            # Of many starts, as of a robot, few can reach more; each of the others is looked up.
            if best and most(places, order, number, end) <= len(best.path):
                continue
            attempt = WAYS[order](events[number:end], steps)
            if best is None or len(attempt.path) > len(best.path):
                best = attempt
            if len(best.path) == steps or is_first_enough:
                break
    return best


def match_all(watched: pd.DataFrame, funnels: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    """One row per funnel, unit, month of the start and step that the furthest attempt reached."""
    counts = steps.groupby("funnel")["step_number"].max().to_dict()
    rules = {
        row.funnel: (
            row.step_order, int(counts[row.funnel]),
            None if pd.isna(row.window_seconds) else int(row.window_seconds),
        )
        for row in funnels.itertuples()
        if row.funnel in counts
    }  # fmt: skip
    rows = []
    ordered = watched.sort_values(["funnel", "unit_id", "event_id", "step_number"])
    for (funnel, unit), own in groupby(
        ordered.itertuples(index=False), key=attrgetter("funnel", "unit_id")
    ):
        events: dict[str, Event] = {}
        for row in own:
            event = events.setdefault(
                row.event_id,
                Event(row.event_id, row.occurred_at, row.month_start_date, row.session_id),
            )
            if row.step_number:
                kind = event.exclusions if row.exclusion_number else event.steps
                kind.add(int(row.step_number))
        for month in sorted({event.month for event in events.values()}):
            attempt = furthest(list(events.values()), *rules[funnel], month=month)
            for number, event in enumerate(attempt.path if attempt else (), 1):
                start = attempt.path[0]
                rows.append((
                    funnel, unit, month, number, event.event_id, start.session_id,
                    len(attempt.path), attempt.is_stopped, start.at, event.at,
                ))  # fmt: skip
    frame = pd.DataFrame(rows, columns=COLUMNS)
    texts = ["funnel", "unit_id", "event_id", "session_id"]
    kinds = dict.fromkeys(texts, "str") | {"step_number": "int32", "reached_step_number": "int32"}
    times = ["month_start_date", "started_at", "occurred_at"]
    return frame.astype(kinds | {"is_stopped": "bool"} | dict.fromkeys(times, "datetime64[us]"))


def model(dbt, session):
    """Dbt's entry point."""
    dbt.config(materialized="table")
    return match_all(
        dbt.ref("int_event_funnel_events_matched").df(),
        dbt.ref("event_funnels").df(),
        dbt.ref("event_funnel_steps").df(),
    )
