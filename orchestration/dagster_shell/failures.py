"""Why a run published nothing, read from the events that Dagster keeps of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from orchestration.base import command

LONGEST = 1500  # characters of one reason


def reasons(events: Iterable[Any]) -> list[str]:
    """
    What the failed checks say, and the errors of steps, for a person; empty when nothing failed.

    `events` are Dagster's events of one run, in their order.
    """
    events = list(events)
    found = list(_failed_checks(events))
    found += [text for cls, text in _errors(events) if "AssetCheckFailed" not in cls]
    if not found:
        found = [str(e.message)[:LONGEST] for e in events if "FAILURE" in e.event_type_value]
    return list(dict.fromkeys(found))


def is_interrupted(events: Iterable[Any]) -> bool:
    """Whether a step was stopped from outside: Ctrl-C, or somebody who terminated the run."""
    return any("Interrupted" in cls for cls, _ in _errors(events))


def _failed_checks(events: Iterable[Any]) -> Iterator[str]:
    for event in events:
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            check = event.asset_check_evaluation_data
            if not check.passed and check.severity.value == "ERROR":
                where = check.asset_key.to_user_string()
                yield f"{where}: {check.check_name}: {check.description or 'failed'}"


def _errors(events: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Class name and message of the first cause of each failed step, the step in front of it."""
    for event in events:
        kind = event.event_type_value
        if kind in ("STEP_FAILURE", "RESOURCE_INIT_FAILURE"):
            data = event.step_failure_data if kind == "STEP_FAILURE" else event.engine_event_data
            error = data.error
            while error and error.cause:
                error = error.cause
            if error:
                where = f"step {event.step_key}: " if event.step_key else ""
                # Python writes the class in front of the message, for developers.
                text = re.sub(rf"^[\w.]*\b{error.cls_name}: ", "", error.message.strip())[:LONGEST]
                if command.is_full(text):
                    text = command.in_one_line(OSError(text))
                yield error.cls_name or "", where + text
