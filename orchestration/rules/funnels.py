"""What is wrong with funnels of events: steps with gaps, none, or that nothing tells apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestration.rules.tables import Row, RuleSet

_CONDITIONS = (
    "event_name_pattern", "page_path_pattern", "channel_pattern", "property_pattern",
    "minimum_value_amount",
)  # fmt: skip
_MOST_STEPS = 20


def wrong_event_funnels(sets: Mapping[str, RuleSet]) -> Iterator[str]:
    """Funnels through which nothing can go, or of which the models could not say what they mean."""
    funnels, steps = sets["event_funnels"], sets["event_funnel_steps"]
    for row in steps.rows:
        for problem in _wrong_step(row):
            yield f"{steps.place_of(row)}: {problem}"
    for row in funnels.rows:
        for problem in _wrong_funnel(row, [s for s in steps.rows if s["funnel"] == row["funnel"]]):
            yield f"{funnels.place_of(row)}: funnel {row['funnel']} {problem}"


def _wrong_step(row: Row) -> Iterator[str]:
    if all(row[name] is None for name in _CONDITIONS):
        yield (
            "no condition, so that any event would do. Remedy: fill in one of "
            f"{', '.join(_CONDITIONS)}"
        )
    if (row["property_name"] is None) != (row["property_pattern"] is None):
        yield "property_name and property_pattern belong together. Remedy: fill in both, or none"
    for name in _CONDITIONS[:4]:
        if (
            (pattern := row[name]) is not None
            and pattern != pattern.lower()
            and "\\" not in pattern
        ):
            yield (
                f"{name} = {pattern[:60]!r} has capitals, and texts are compared in small letters. "
                "Remedy: write it in small letters"
            )


def _wrong_funnel(funnel: Row, rows: list[Row]) -> Iterator[str]:
    numbers = sorted(
        int(str(row["step_number"])) for row in rows if int(str(row["exclusion_number"])) == 0
    )
    if funnel["counted_per"] == "person" and funnel["window_seconds"] is None:
        yield "counts persons without a window. Remedy: fill in window_seconds"
    if not 2 <= len(numbers) <= _MOST_STEPS or numbers != list(range(1, len(numbers) + 1)):
        shown = ", ".join(map(str, numbers)) or "none"
        yield (
            f"has the steps {shown}. Remedy: number them 1, 2, 3 … (exclusion_number 0) in "
            f"rules/event_funnel_steps.csv, two at least and {_MOST_STEPS} at most"
        )
    for row in rows:
        if int(str(row["exclusion_number"])) == 0:
            continue
        after, what = int(str(row["step_number"])), f"exclusion {row['exclusion_number']}"
        if funnel["step_order"] == "exact_order":
            yield f"is of exact order, where no event may lie between. Remedy: remove {what}"
        elif funnel["step_order"] == "any_order" and after != 1:
            yield f"is of any order, so that {what} holds throughout. Remedy: put it at step 1"
        elif numbers and after >= numbers[-1]:
            yield f"has {what} after its last step. Remedy: let it stand at an earlier one"
