"""The three sentences: where most people are lost, what hurts most, what to do first."""

from __future__ import annotations

from itertools import product
from typing import Any

from orchestration.readers.report.cubes import slices
from orchestration.readers.report.reading import ALL, NOT_SET, PERIODS, Release, Row

Facts = dict[str, dict[str, Any]]


def facts(
    release: Release,
    models: dict[str, list[Row]],
    ends: dict[str, int],
    journeys: Facts,
    pains: Facts,
    stakes: Any,
) -> Facts:
    """By model and period: who loses most (by persona and channel), and pains by persona."""
    found: Facts = {}
    for model, period in product(models, PERIODS):
        if period not in release.spans:
            continue
        here: dict[str, Any] = {"lost": {}, "pain": {}, "first": {}}
        cube = journeys[model][period]
        worth = stakes.get((model, period), {})
        for persona, channel in slices(release):
            among = [persona] if persona != ALL else release.personas
            candidates = list(product(among, models[model][: ends[model]]))
            groups = [[one for one in candidates if not unknown(*one)], candidates]
            found_lost = (most_lost(group, cube, channel, worth) for group in groups)
            here["lost"][f"{persona}|{channel}"] = next((one for one in found_lost if one), None)
        for persona in [ALL, *release.personas]:
            at = {row["stage"]: row for row in models[model]}
            rows = sorted(
                pains[model][period][persona],
                key=lambda row: unknown(row["persona"], at[row["stage"]]),
            )
            here["pain"][persona] = next(
                iter(sorted((r for r in rows if r["beyond"] > 0), key=lambda r: -r["beyond"])), None
            )
            here["first"][persona] = rows[0] if rows and rows[0]["parts"]["together"] else None
        found.setdefault(model, {})[period] = here
    return found


def unknown(persona: str, stage: Row) -> bool:
    """
    Whether these people are not known because they did not go on.

    From the purchase on everybody is known; before it, those who go on become known, so that the
    ones without a persona are those who did not. The others come first.
    """
    return persona == NOT_SET and set(stage["canonical"]) <= {"awareness", "consideration"}


def most_lost(
    candidates: list[tuple[str, Row]], cube: dict[str, Any], channel: str, stakes: Any
) -> list[Any] | None:
    """Persona, stage, people lost, people judged, money at stake."""
    best: list[Any] | None = None
    for persona, stage in candidates:
        cell = cube.get(f"{persona}|{channel}", {}).get(stage["stage"])
        if cell is None or cell[4] <= 0 or (best and cell[4] <= best[2]):
            continue
        judged = cell[0] - cell[1] if cell[0] > 0 and cell[1] >= 0 else None
        money = stakes.get((persona, stage["stage"])) if channel == ALL else None
        best = [persona, stage["stage"], cell[4], judged, money]
    return best
