"""
The cubes of the report: small tables over stage model, period, persona and channel.

One definition of each thing for the whole page. Somebody **reached** a stage in a period by first
entering it then; of those, whoever did so more than `WINDOW_DAYS` ago is **judged**: `went` on to a
later stage within the window, or is `lost`. The others are `open`. Who went on `late`r is lost, and
counted apart for all persons together only: slices of it would be small, and hide more than they
say. A person's channel is the one that brought them first.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from math import sqrt
from typing import Any

from orchestration.readers.report.protecting import Cells, Sum
from orchestration.readers.report.reading import ALL, OTHER, PERIODS, WINDOW_DAYS, Release, Row
from orchestration.rules.tables import CANONICAL_STAGE_MODEL

FEW, PROTECTED = (
    -1,
    -2,
)  # in the cubes: a count of 1 to 4, and one that would give such a count away
SERIES = ("satisfaction", "expectation", "experience")
PREFERRED = ("12", "3", "6", "all")  # of two periods that give somebody away, the first is shown
ENDINGS = ("went", "lost", "open")

Slice = tuple[str, str]


def slices(release: Release) -> list[Slice]:
    """Every choice of a persona and a channel."""
    return list(product([ALL, *release.personas], [ALL, *release.channels, OTHER]))


def splits(release: Release, key: Any) -> list[Sum]:
    """Totals and parts over personas and over channels; `key` makes a cell's key of a slice."""
    personas, channels = release.personas, [*release.channels, OTHER]
    found: list[Sum] = []
    for persona in [ALL, *personas]:
        found.append((key((persona, ALL)), [key((persona, channel)) for channel in channels]))
    for channel in [ALL, *channels]:
        found.append((key((ALL, channel)), [key((persona, channel)) for persona in personas]))
    return found


def shown(release: Release, cells: Cells, closed: set[Any], key: Any) -> int:
    """What the page may show of a cell."""
    count = cells.get(key, 0)
    if key not in closed:
        return count
    return FEW if release.few.is_small(count) else PROTECTED


def stage_models(release: Release) -> dict[str, list[Row]]:
    """Stages of each model in order, each with the canonical stages that it holds."""
    stages: dict[str, list[Row]] = defaultdict(list)
    for row in release.rows("select * from marts.dim_stages order by stage_model, stage_rank"):
        row["canonical"] = (row["canonical_stages"] or "").split(", ")
        stages[row["stage_model"]].append(row)
    return dict(stages)


def last_stages(release: Release, models: dict[str, list[Row]]) -> dict[str, int]:
    """
    Place of the last stage of each model that anybody ever reached.

    Nobody is lost there: what would come after it does not exist, or is nothing that the data tell,
    as advocacy where there are neither surveys nor referrals.
    """
    reached = {
        (row["stage_model"], row["stage"])
        for row in release.rows(
            "select distinct stage_model, to_stage as stage from marts.fct_stage_model_transitions"
        )
    }
    return {
        model: max(
            (place for place, row in enumerate(stages) if (model, row["stage"]) in reached),
            default=len(stages) - 1,
        )
        for model, stages in models.items()
    }


def first_visits(release: Release) -> str:
    """CTEs: each person's first visit of each stage in each period, and what came after it."""
    return f"""{release.persons}, {release.periods(with_before=True)},
        visits as (
            select stage_model, person_id, to_stage as stage, transition_type, transition_number,
                occurred_date, lead(to_stage) over later as next_stage,
                lead(occurred_date) over later as next_date
            from marts.fct_stage_model_transitions
            window later as (partition by stage_model, person_id order by transition_number)
        ),
        firsts as (
            select periods.period, visits.*
            from visits
            inner join periods
                on visits.occurred_date between periods.first_date and periods.last_date
            where visits.stage is not null
            qualify row_number() over (
                partition by periods.period, stage_model, person_id, stage
                order by transition_number
            ) = 1
        )"""


def journeys(release: Release, models: dict[str, list[Row]]) -> dict[str, Any]:
    """
    Who reached each stage and what came of it: model, period, persona, channel, stage.

    A cell is reached, open, went, late, lost, median days of those who went, those who went and
    were judged in the period of the same length before, how many entered and returned, and how many
    went to each later stage.
    """
    counted = release.rows(
        f"""
        with {first_visits(release)},
        judged as (
            select firsts.* exclude (transition_type), persons.persona, persons.channel,
                case when transition_type in ('enter', 'return') then transition_type end as entry,
                case
                    when occurred_date > date '{release.day}' - {WINDOW_DAYS} then 'open'
                    when next_date <= occurred_date + {WINDOW_DAYS} and next_stage is not null
                        then 'went'
                    else 'lost'
                end as ending,
                ending = 'lost' and next_stage is not null as is_late
            from firsts
            inner join persons on firsts.person_id = persons.person_id
        )
        select stage_model, period, persona, channel, stage, entry, ending,
            is_late, case when ending = 'went' then next_stage end as next_stage,
            count(*) as people
        from judged
        group by all
        order by all
        """,
        "journey",
    )
    days = {
        (row["stage_model"], row["stage"], row["period"], row["persona"], row["channel"]): row[
            "days"
        ]
        for row in release.rows(
            f"""
            with {first_visits(release)}
            select stage_model, stage, period, coalesce(persona, 'all') as persona,
                coalesce(channel, 'all') as channel, median(next_date - occurred_date) as days
            from firsts
            inner join persons on firsts.person_id = persons.person_id
            where next_stage is not null and next_date <= occurred_date + {WINDOW_DAYS}
                and occurred_date <= date '{release.day}' - {WINDOW_DAYS}
            group by stage_model, stage, period, cube (persona, channel)
            """
        )
    }
    cells: dict[tuple[str, str], Cells] = defaultdict(lambda: defaultdict(int))
    for row in counted:
        held = cells[row["stage_model"], row["stage"]]
        parts = ["reached", row["ending"]]
        if row["entry"]:
            parts.append(row["entry"])
        if row["next_stage"]:
            parts.append(f"to {row['next_stage']}")
        if row["is_late"]:
            held[row["period"], (ALL, ALL), "late"] += row["people"]
        for persona, channel, part in product((ALL, row["persona"]), (ALL, row["channel"]), parts):
            held[row["period"], (persona, channel), part] += row["people"]
    closed = {
        place: _protected_journeys(
            release,
            held,
            [stage["stage"] for stage in models[place[0]]],
            is_first=place[1] == models[place[0]][0]["stage"],
        )
        for place, held in cells.items()
        if place[0] in models
    }
    _protect_coarser(release, models, cells, closed)

    def cell(model: str, stage: str, period: str, where: Slice) -> list[Any] | None:
        held, hidden = cells[model, stage], closed.get((model, stage), set())
        if not held.get((period, where, "reached")):
            return None

        def count(part: str, of: str = period) -> int:
            return shown(release, held, hidden, (of, where, part))

        went = count("went")
        before = [count("went", f"before {period}"), count("lost", f"before {period}")]
        moves = {
            other["stage"]: count(f"to {other['stage']}")
            for other in models[model]
            if held.get((period, where, f"to {other['stage']}"))
        }
        return [
            count("reached"), count("open"), went,
            count("late") if where == (ALL, ALL) else None, count("lost"),
            None if went <= 0 else days.get((model, stage, period, *where)),
            [before[0], before[0] + before[1]] if min(before) >= 0 < max(before) else None,
            count("enter"), count("return"), moves,
        ]  # fmt: skip

    return {
        model: {
            period: {
                f"{persona}|{channel}": {
                    stage["stage"]: found
                    for stage in stages
                    if (found := cell(model, stage["stage"], period, (persona, channel)))
                }
                for persona, channel in slices(release)
            }
            for period in PERIODS
            if period in release.spans
        }
        for model, stages in models.items()
    }


def _protected_journeys(
    release: Release, held: Cells, stages: list[str], is_first: bool
) -> set[Any]:
    """Cells of one stage that are not shown."""
    sums: list[Sum] = []
    chains = []
    parts = ["reached", *ENDINGS, "enter", "return", *(f"to {s}" for s in stages)]
    for period in release.spans:
        for part in parts:
            sums += splits(release, lambda where, p=period, x=part: (p, where, x))
        for where in slices(release):

            def key(part: str, p: str = period, w: Slice = where) -> Any:
                return (p, w, part)

            sums += [
                (key("reached"), [key(part) for part in ENDINGS]),
                (key("went"), [key(f"to {stage}") for stage in stages]),
            ]
            if is_first:  # nobody moves there from another stage
                sums.append((key("reached"), [key("enter"), key("return")]))
        held[period, (ALL, ALL), "never"] = held.get((period, (ALL, ALL), "lost"), 0) - held.get(
            (period, (ALL, ALL), "late"), 0
        )
        sums.append(
            (
                (period, (ALL, ALL), "lost"),
                [(period, (ALL, ALL), "late"), (period, (ALL, ALL), "never")],
            )
        )
    for where, part in product(slices(release), [*parts, "late"]):
        chains.append([(period, where, part) for period in PREFERRED])
        for period in ("3", "6"):
            chains.append([(str(2 * int(period)), where, part), (f"before {period}", where, part)])
    rank = {"never": 0, "late": 1, "enter": 1, "return": 1, "open": 4, "lost": 5}
    rank |= {"went": 6, "reached": 7}

    def worth(key: Any) -> int:
        _, where, part = key
        if part == "reached" and where == (ALL, ALL):
            return 100
        return 10 * rank.get(part, 2) + _detail(where)

    return release.few.protect(held, sums, chains, worth=worth)


def _detail(where: Slice) -> int:
    """What a slice is worth: rates are of one persona, so those of a persona most."""
    persona, channel = where
    return (2 if channel == ALL else 0) + (persona != ALL)


def _protect_coarser(
    release: Release,
    models: dict[str, list[Row]],
    cells: dict[tuple[str, str], Cells],
    closed: dict[tuple[str, str], set[Any]],
) -> None:
    """Stages that hold several canonical ones must not give away one of them by difference."""
    for model, stages in models.items():
        for stage in stages:
            if model == CANONICAL_STAGE_MODEL or len(stage["canonical"]) < 2:
                continue
            place = (model, stage["stage"])
            for canonical in stage["canonical"]:
                finer = cells.get((CANONICAL_STAGE_MODEL, canonical), {})
                for key, count in cells.get(place, {}).items():
                    if release.few.is_small(count - finer.get(key, 0)):
                        closed[place].add(key)


def answers(release: Release, models: dict[str, list[Row]]) -> dict[str, Any]:
    """
    Satisfaction, expectation and experience: model, period, persona, channel, series, stage.

    A cell is n, the mean score from 0 to 100 and half its 95 % interval. An answer belongs to the
    stage that its question is about, else to that in which the person was.
    """
    counted = release.rows(
        f"""
        with {release.persons}, {release.periods()},
        answers as (
            select person_id, coalesce(question_stage, stage_at_answer) as stage,
                case when metric in ('expectation', 'experience') then metric
                    else 'satisfaction' end as series,
                100 * score_rate::double as score, responded_date
            from marts.fct_survey_scores
            where score_rate is not null and metric in ('nps', 'csat', 'ces', 'expectation',
                'experience')
        )
        select period, coalesce(persona, '(not set)') as persona,
            coalesce(channel, '{OTHER}') as channel, stage, series,
            count(*) as answers, count(distinct answers.person_id) as people,
            sum(score) as total, sum(score * score) as squares
        from answers
        inner join periods
            on answers.responded_date between periods.first_date and periods.last_date
        left join persons on answers.person_id = persons.person_id
        where stage is not null
        group by all
        order by all
        """,
        "satisfaction",
    )
    sums: dict[Any, list[float]] = defaultdict(lambda: [0, 0, 0, 0])
    stage_of = {
        (model, canonical): stage["stage"]
        for model, stages in models.items()
        for stage in stages
        for canonical in stage["canonical"]
    }
    for row in counted:
        for model, persona, channel in product(
            models, (ALL, row["persona"]), (ALL, row["channel"])
        ):
            stage = stage_of.get((model, row["stage"]))
            if stage:
                found = sums[model, row["series"], stage, row["period"], (persona, channel)]
                for place, name in enumerate(("answers", "people", "total", "squares")):
                    found[place] += row[name]
    cells: Cells = {key: int(total[0]) for key, total in sums.items()}
    few = {key for key, total in sums.items() if release.few.is_small(total[1])}
    places = {key[:3] for key in sums}
    equations: list[Sum] = []
    chains = []
    for place in places:
        for period in PERIODS:
            equations += splits(release, lambda where, p=place, x=period: (*p, x, where))
        for where in slices(release):
            chains.append([(*place, period, where) for period in PREFERRED])
    for model, stages in models.items():
        for stage in stages:
            if model != CANONICAL_STAGE_MODEL:
                equations += [
                    (
                        (model, series, stage["stage"], period, where),
                        [
                            (CANONICAL_STAGE_MODEL, series, canonical, period, where)
                            for canonical in stage["canonical"]
                        ],
                    )
                    for series, period, where in product(SERIES, PERIODS, slices(release))
                ]
    closed = release.few.protect(cells, equations, chains, few)
    cube: dict[str, Any] = {}
    for key, (count, _, total, squares) in sorted(sums.items()):
        model, series, stage, period, where = key
        if key in closed:
            cell: list[float | None] = [shown(release, cells, closed, key), None, None]
        else:
            mean = total / count
            spread = sqrt(max(squares - count * mean * mean, 0) / (count - 1)) if count > 1 else 0
            cell = [int(count), round(mean, 1), round(1.96 * spread / sqrt(count), 1)]
        (
            cube.setdefault(model, {})
            .setdefault(period, {})
            .setdefault("|".join(where), {})
            .setdefault(series, {})
        )[stage] = cell
    return cube


def value(release: Release) -> dict[str, Any]:
    """
    What customers pay in each value stage, and when: period, persona, channel, value stage.

    A cell is customers, contracted, billed, paid and at-risk amounts, and the median days from the
    contract to the bill, to the delivery and to the payment.
    """
    rows = release.rows(
        f"""
        with {release.persons}, {release.periods()}
        select period, coalesce(persona, 'all') as persona, coalesce(channel, 'all') as channel,
            value_stage, count(distinct points.person_id) as customers,
            sum(contracted_amount_reporting) as contracted, sum(billed_amount_reporting) as billed,
            sum(paid_amount_reporting) as paid,
            sum(paid_amount_reporting) filter (
                where is_last_score_at_risk or open_ticket_count > 0
            ) as at_risk,
            median(date_diff('second', contracted_at, billed_at) / 86400) as days_to_bill,
            median(date_diff('second', contracted_at, delivered_at) / 86400) as days_to_delivery,
            median(date_diff('second', contracted_at, paid_at) / 86400) as days_to_payment
        from marts.fct_revenue_points as points
        inner join periods on occurred_date between periods.first_date and periods.last_date
        inner join persons on points.person_id = persons.person_id
        where value_stage is not null
        group by period, value_stage, cube (persona, channel)
        order by all
        """,
        "value",
    )
    cells: Cells = {}
    for row in rows:
        cells[row["value_stage"], row["period"], (row["persona"], row["channel"])] = row[
            "customers"
        ]
    sums: list[Sum] = []
    chains = []
    for stage in {row["value_stage"] for row in rows}:
        for period in PERIODS:
            sums += splits(release, lambda where, s=stage, p=period: (s, p, where))
        for where in slices(release):
            chains.append([(stage, period, where) for period in PREFERRED])
    closed = release.few.protect(cells, sums, chains)
    cube: dict[str, Any] = {}
    for row in rows:
        key = (row["value_stage"], row["period"], (row["persona"], row["channel"]))
        numbers = [
            row[name]
            for name in ("contracted", "billed", "paid", "at_risk", "days_to_bill",
                         "days_to_delivery", "days_to_payment")
        ]  # fmt: skip
        cube.setdefault(row["period"], {}).setdefault("|".join(key[2]), {})[row["value_stage"]] = [
            shown(release, cells, closed, key),
            *(None if key in closed or n is None else round(float(n), 1) for n in numbers),
        ]
    return cube
