"""The three sentences: where most people are lost, what hurts most, what to do first."""

from __future__ import annotations

from itertools import product
from typing import Any

from orchestration.readers.report.cubes import slices
from orchestration.readers.report.reading import ALL, NOT_SET, PERIODS, Release, Row

Facts = dict[str, dict[str, Any]]


def facts(
    release: Release, models: dict[str, list[Row]], journeys: Facts, pains: Facts, stakes: Any
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
            # Whoever goes on becomes known, so that those not known are the ones who did not: a
            # persona comes first.
            groups = [release.named, release.personas] if persona == ALL else [[persona]]
            found_lost = (most_lost(models[model], cube, among, channel, worth) for among in groups)
            here["lost"][f"{persona}|{channel}"] = next((one for one in found_lost if one), None)
        for persona in [ALL, *release.personas]:
            rows = sorted(pains[model][period][persona], key=lambda row: row["persona"] == NOT_SET)
            here["pain"][persona] = next(
                iter(sorted((r for r in rows if r["beyond"] > 0), key=lambda r: -r["beyond"])), None
            )
            here["first"][persona] = rows[0] if rows and rows[0]["parts"]["together"] else None
        found.setdefault(model, {})[period] = here
    return found


def most_lost(
    stages: list[Row], cube: dict[str, Any], personas: list[str], channel: str, stakes: Any
) -> list[Any] | None:
    """Persona, stage, people lost, people judged, money at stake; not of the last stage."""
    best: list[Any] | None = None
    for persona, stage in product(personas, stages[:-1]):
        cell = cube.get(f"{persona}|{channel}", {}).get(stage["stage"])
        if cell is None or cell[4] <= 0 or (best and cell[4] <= best[2]):
            continue
        judged = cell[0] - cell[1] if cell[0] > 0 and cell[1] >= 0 else None
        money = stakes.get((persona, stage["stage"])) if channel == ALL else None
        best = [persona, stage["stage"], cell[4], judged, money]
    return best
