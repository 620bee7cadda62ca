"""
What hurts, by persona and period: people lost, dissatisfaction and money, apart and together.

A pain is a stage and a type of touchpoint. Answers count whether or not anybody was there, so an
order that never came is a pain without a visit.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from math import sqrt
from typing import Any

from orchestration.readers.report.cubes import FEW, PREFERRED, shown
from orchestration.readers.report.protecting import Cells
from orchestration.readers.report.reading import ALL, PERIODS, Release, Row

OVERALL = "(overall)"  # answers that are about no touchpoint
SHOWN = 12  # pains per persona and period
RANKS = ("together", "lost", "dissatisfied", "money")


def wilson(part: int, whole: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson)."""
    z = 1.96
    middle = (part + z * z / 2) / (whole + z * z)
    half = z / (whole + z * z) * sqrt(part * (whole - part) / whole + z * z / 4)
    return max(middle - half, 0), min(middle + half, 1)


def counted(release: Release) -> list[Row]:
    """Journeys and answers by period, persona, canonical stage and type of touchpoint."""
    return release.rows(
        f"""
        with {release.periods()},
        journeys as (
            select period, {release.persona_of("persona")} as persona, stage, touchpoint_type,
                sum(journey_count) as visited,
                sum(dropoff_count) as lost, sum(at_stake_amount_reporting) as money,
                sum(ticket_count) as tickets
            from marts.kpi_pain_points_monthly
            inner join periods on month_start_date between first_date and last_date
            where persona != 'all'
            group by all
        ),
        answers as (
            select period, {release.persona_of("persona")} as persona,
                coalesce(question_stage, stage_at_answer) as stage,
                coalesce(touchpoint_type, '{OVERALL}') as touchpoint_type, count(*) as answers,
                count(distinct person_id) as people,
                count(*) filter (where is_at_risk) as dissatisfied,
                100 * avg(score_rate::double) as score
            from marts.fct_survey_scores
            inner join periods on responded_date between first_date and last_date
            where metric in ('nps', 'csat', 'ces') and score_rate is not null
                and coalesce(question_stage, stage_at_answer) is not null
            group by all
        )
        select * from journeys
        full outer join answers using (period, persona, stage, touchpoint_type)
        order by all
        """,
        "pains",
    )


def pains(
    release: Release, models: dict[str, list[Row]], ends: dict[str, int]
) -> tuple[dict[str, Any], dict[Any, Any]]:
    """
    The pains of each model, period and persona, of all personas together as rows of each.

    Beside them the money at stake by model and period, persona and stage.

    A pain is persona, stage, touchpoint, people lost, journeys, answers, dissatisfied ones, their
    share with its interval, mean score, money at stake, and its part of what is lost in each way
    and together. It is in the list for being among the first of one of the ranks. Nobody is lost
    at the last stage.
    """
    stage_of = {
        (model, canonical): stage["stage"]
        for model, stages in models.items()
        for stage in stages
        for canonical in stage["canonical"]
    }
    sums: dict[Any, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in counted(release):
        for model in models:
            stage = stage_of.get((model, row["stage"]))
            if stage is None:
                continue
            total = sums[model, row["persona"], stage, row["touchpoint_type"], row["period"]]
            is_last = stage == models[model][ends[model]]["stage"]
            for name in ("visited", "lost", "money", "tickets", "answers", "people",
                         "dissatisfied"):  # fmt: skip
                if not (is_last and name in ("lost", "money")):
                    total[name] += float(row[name] or 0)
            total["score"] += float(row["score"] or 0) * (row["answers"] or 0)
    cells: Cells = {}
    for key, total in sums.items():
        for name in ("visited", "lost", "answers", "dissatisfied"):
            cells[*key, name] = int(total[name])
        cells[*key, "content"] = int(total["answers"] - total["dissatisfied"])
    equations = [((*key, "answers"), [(*key, "dissatisfied"), (*key, "content")]) for key in sums]
    chains: list[Any] = [
        [(*place, period, name) for period in PREFERRED]
        for place, name in product(
            {key[:4] for key in sums}, ("visited", "lost", "answers", "dissatisfied")
        )
    ]
    for (model, canonical), stage in stage_of.items():
        held = next(s["canonical"] for s in models[model] if s["stage"] == stage)
        if len(held) > 1 and canonical == held[0]:
            for key in list(sums):
                if key[0] == model and key[2] == stage:
                    equations += [
                        ((*key, name), [("six", key[1], part, *key[3:], name) for part in held])
                        for name in ("visited", "lost", "answers", "dissatisfied")
                    ]
    closed = release.few.protect(cells, equations, chains)
    lists: dict[str, Any] = {}
    stakes: dict[Any, dict[Any, float]] = {}
    for model, period in product(models, PERIODS):
        if period not in release.spans:
            continue
        rows = [
            _row(release, key, total, cells, closed)
            for key, total in sorted(sums.items())
            if key[0] == model and key[4] == period
        ]
        _compare(rows)
        here = stakes.setdefault((model, period), {})
        for row in rows:
            place = (row["persona"], row["stage"])
            here[place] = here.get(place, 0) + (row["money"] or 0)
        for persona in [ALL, *release.personas]:
            mine = [dict(row) for row in rows if persona in (ALL, row["persona"])]
            lists.setdefault(model, {}).setdefault(period, {})[persona] = _ranked(mine)
    return lists, stakes


def _row(
    release: Release, key: Any, total: dict[str, float], cells: Cells, closed: set[Any]
) -> Row:
    """One pain; what is too few is not shown and has no part in any rank."""
    answers = shown(release, cells, closed, (*key, "answers"))
    if 0 < total["people"] < release.few.smallest:
        answers = FEW
    dissatisfied = shown(release, cells, closed, (*key, "dissatisfied")) if answers > 0 else answers
    lost = shown(release, cells, closed, (*key, "lost"))
    row: Row = {
        "persona": key[1],
        "stage": key[2],
        "touchpoint": key[3],
        "lost": lost,
        "visited": shown(release, cells, closed, (*key, "visited")),
        "answers": answers,
        "dissatisfied": dissatisfied,
        "money": round(total["money"]) if lost > 0 else None,
        "share": None,
        "interval": None,
        "score": round(total["score"] / answers, 1) if answers > 0 else None,
    }
    if answers >= release.few.smallest and dissatisfied >= 0:
        row["share"] = round(dissatisfied / answers, 4)
        row["interval"] = [round(x, 4) for x in wilson(dissatisfied, answers)]
    return row


def _compare(rows: list[Row]) -> None:
    """Dissatisfied answers beyond those at the rate of the same persona's other answers."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        if row["share"] is not None:
            totals[row["persona"]][0] += row["dissatisfied"]
            totals[row["persona"]][1] += row["answers"]
    for row in rows:
        row["beyond"] = 0.0
        if row["share"] is not None:
            dissatisfied, answers = totals[row["persona"]]
            others = answers - row["answers"]
            rate = (dissatisfied - row["dissatisfied"]) / others if others else 0
            row["beyond"] = round(max(row["dissatisfied"] - rate * row["answers"], 0), 1)


def _ranked(rows: list[Row]) -> list[Row]:
    """The pains that come first in one of the ranks, each with its parts of what is lost."""
    measures = {
        "lost": lambda row: max(row["lost"], 0),
        "dissatisfied": lambda row: row["beyond"],
        "money": lambda row: row["money"] or 0,
    }
    for name, measure in measures.items():
        whole = sum(measure(row) for row in rows)
        for row in rows:
            row.setdefault("parts", {})[name] = round(measure(row) / whole, 4) if whole else None
    for row in rows:
        known = [part for part in row["parts"].values() if part is not None]
        row["parts"]["together"] = round(sum(known) / len(known), 4) if known else 0
    first: list[Row] = []
    for name in RANKS:
        ranked = sorted(
            (row for row in rows if row["parts"][name]),
            key=lambda row, n=name: (  # type: ignore[misc]  # mypy knows no such default
                -row["parts"][n], row["persona"], row["stage"], row["touchpoint"]
            ),
        )  # fmt: skip
        first += [row for row in ranked[: SHOWN // 2] if row not in first]
    return sorted(first, key=lambda row: (-row["parts"]["together"], row["stage"]))[:SHOWN]
