"""The parts of the report beside the journey: KPIs, paths, cohorts, money, credit and quality."""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from typing import Any

from orchestration.readers.report import texts
from orchestration.readers.report.cubes import PREFERRED, shown
from orchestration.readers.report.protecting import Cells, Sum
from orchestration.readers.report.reading import ALL, OTHER, PERIODS, Release, Row

STEPS = 3  # of a path to a purchase that are shown
END = "(purchase)"


def kpis(release: Release) -> dict[str, Any]:
    """KPIs of the last finished month: definitions, and values by persona."""
    definitions = release.rows("select * from marts.dim_kpis order by kpi")
    rows = release.rows(
        f"""
        select kpi, case dimension when 'all' then 'all' else dimension_value end as persona,
            month_start_date = date '{release.month or release.day}' as is_last, numerator,
            denominator, kpi_value, target, attainment_rate
        from marts.kpi_monthly
        where dimension in ('all', 'persona')
            and month_start_date in (date '{release.month or release.day}',
                (date '{release.month or release.day}' - interval '1 month')::date)
        order by all
        """,
        "kpis",
    )
    cells: Cells = {}
    for row in rows:
        for part in ("numerator", "denominator"):
            if row[part] is not None:
                cells[row["kpi"], row["is_last"], row["persona"], part] = round(row[part])
    sums: list[Sum] = []
    for kpi, is_last, part in product(definitions, (True, False), ("numerator", "denominator")):
        place = (kpi["kpi"], is_last)
        parts = [(*place, persona, part) for persona in release.personas]
        # Personas that the page does not name are a part as well.
        rest = cells.get((*place, ALL, part), 0) - sum(cells.get(key, 0) for key in parts)
        cells[*place, OTHER, part] = max(rest, 0)
        sums.append(((*place, ALL, part), [*parts, (*place, OTHER, part)]))
    closed = release.few.protect(cells, sums)
    values: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(lambda: [None] * 4))
    for row in rows:
        is_hidden = any(
            (row["kpi"], row["is_last"], row["persona"], part) in closed
            for part in ("numerator", "denominator")
        )
        found = values[row["persona"]][row["kpi"]]
        if row["is_last"]:
            found[0] = "hidden" if is_hidden else _number(row["kpi_value"])
            found[1] = _number(row["target"])
            rate = None if is_hidden else _number(row["attainment_rate"])
            found[2] = rate if rate is not None and rate >= 0 else None
        else:
            found[3] = None if is_hidden else _number(row["kpi_value"])
    changes: dict[str, list[list[Any]]] = defaultdict(list)
    for row in release.rows(
        f"""
        select case dimension when 'all' then 'all' else dimension_value end as persona,
            parent_kpi, child_kpi, contribution_value
        from marts.kpi_contributions
        where period = 'month' and dimension in ('all', 'persona')
            and period_start_date = date '{release.month or release.day}'
        order by all
        """,
        "contributions",
    ):
        mine = values[row["persona"]]
        if "hidden" not in (mine[row["parent_kpi"]][0], mine[row["child_kpi"]][0]):
            changes[row["persona"]].append(
                [row["parent_kpi"], row["child_kpi"], _number(row["contribution_value"])]
            )
    return {
        "month": release.month and str(release.month),
        "definitions": {
            row["kpi"]: {
                name: row[name]
                for name in ("stage", "name_ja", "name_en", "unit", "direction", "parent_kpi",
                             "owner_department")
            }
            for row in definitions
        },
        "values": {persona: values[persona] for persona in [ALL, *release.personas]},
        "contributions": changes,
    }  # fmt: skip


def paths(release: Release) -> dict[str, Any]:
    """First channels of journeys with a purchase, as a tree: period, persona, path, journeys."""
    rows = release.rows(
        f"""
        with {release.periods()},
        bought as (
            select started_date, {release.persona_of("persona")} as persona,
                string_split(channel_path, ' > ') as channels
            from marts.fct_journeys
            where outcome in ('customer', 'loyal')
        )
        select period, persona,
            list_filter(channels, lambda c, i: i = 1 or c != channels[i - 1])[1:{STEPS}] as path,
            count(*) as journeys
        from bought
        inner join periods on started_date between first_date and last_date
        group by all
        order by all
        """,
        "paths",
    )
    cells: Cells = defaultdict(int)
    children: dict[Any, set[str]] = defaultdict(set)
    for row in rows:
        steps = [*row["path"], END]
        for persona, length in product((ALL, row["persona"]), range(len(steps) + 1)):
            cells[row["period"], persona, tuple(steps[:length])] += row["journeys"]
            if length:
                children[tuple(steps[: length - 1])].add(steps[length - 1])
    sums: list[Sum] = []
    places = {key[2] for key in cells}
    for period, path in product(PERIODS, sorted(places)):
        sums.append(((period, ALL, path), [(period, p, path) for p in release.personas]))
        for persona in [ALL, *release.personas]:
            sums.append(
                (
                    (period, persona, path),
                    [(period, persona, (*path, step)) for step in sorted(children[path])],
                )
            )
    chains = [
        [(period, persona, path) for period in PREFERRED]
        for persona, path in product([ALL, *release.personas], sorted(places))
    ]
    closed = release.few.protect(cells, sums, chains, worth=lambda key: -len(key[2]))
    found: dict[str, Any] = {}
    for (period, persona, path), count in sorted(cells.items(), key=lambda c: (-c[1], c[0][1:])):
        if (period, persona, path) not in closed and path:
            found.setdefault(period, {}).setdefault(persona, []).append([list(path), count])
    return found


def cohorts(release: Release) -> list[list[Any]]:
    """Cohorts by month, from the first month after the purchase on; too small ones are left out."""
    rows = release.rows(
        """
        select cohort_month_date, month_number_since, cohort_customer_count,
            ordering_customer_count, ordering_rate, realised_lifetime_value
        from marts.kpi_cohorts_monthly
        where is_complete
        order by cohort_month_date, month_number_since
        """,
        "cohorts",
    )
    return [
        [
            str(row["cohort_month_date"])[:7],
            row["month_number_since"],
            row["cohort_customer_count"],
            None
            if release.few.is_small(row["ordering_customer_count"])
            or release.few.is_small(row["cohort_customer_count"] - row["ordering_customer_count"])
            else round(row["ordering_rate"], 4),
            _number(row["realised_lifetime_value"], 0),
        ]
        for row in rows
        if row["cohort_customer_count"] >= release.few.smallest and row["month_number_since"] > 0
    ]


def money(release: Release) -> dict[str, Any]:
    """Recurring revenue and what is owed, by month and currency; not of too few subscribers."""
    recurring = release.rows(
        f"""
        select currency_code, month_start_date, start_amount, new_amount, expansion_amount,
            reactivation_amount, contraction_amount, churn_amount, end_amount,
            new_subscriber_count, reactivated_subscriber_count, churned_subscriber_count
        from marts.kpi_recurring_revenue_monthly
        where
            is_complete
            and greatest(start_subscriber_count, end_subscriber_count) >= {release.few.smallest}
        order by currency_code, month_start_date
        """,
        "recurring",
    )
    owed = release.rows(
        """
        select currency_code, month_start_date, sum(unpaid_amount) as unpaid,
            sum(pay_later_exposure_amount) as pay_later, sum(prepaid_exposure_amount) as prepaid,
            sum(undelivered_amount) as undelivered
        from marts.kpi_payment_exposure_monthly
        where is_complete
        group by all
        order by currency_code, month_start_date
        """,
        "exposure",
    )
    return {
        "recurring": [
            [row["currency_code"], str(row["month_start_date"])[:7],
             *(_number(row[f"{name}_amount"], 0) for name in (
                 "start", "new", "expansion", "reactivation", "contraction", "churn", "end"))]
            for row in recurring
        ],
        "owed": [
            [row["currency_code"], str(row["month_start_date"])[:7],
             *(_number(row[name], 0) for name in ("unpaid", "pay_later", "prepaid", "undelivered"))]
            for row in owed
        ],
    }  # fmt: skip


def deviations(release: Release) -> dict[str, Any]:
    """Designed against observed: period, persona of the map, stage: journeys, skipped, late."""
    rows = release.rows(
        f"""
        with {release.periods()}
        select period, map_persona as persona, step as stage, deviation,
            max(map_version) as version, sum(journey_count) as journeys,
            sum(deviating_count) as deviating
        from marts.kpi_journey_deviations_monthly
        inner join periods on month_start_date between first_date and last_date
        where aspect = 'stage' and deviation in ('skipped', 'late')
        group by all
        order by all
        """,
        "deviations",
    )
    cells: Cells = {}
    for row in rows:
        key = (row["persona"], row["stage"], row["deviation"])
        cells[*key, "deviating", row["period"]] = row["deviating"]
        cells[*key, "journeys", row["period"]] = row["journeys"]
        cells[*key, "straight", row["period"]] = row["journeys"] - row["deviating"]
    places = {key[:3] for key in cells}
    sums = [
        (
            (*place, "journeys", period),
            [(*place, "deviating", period), (*place, "straight", period)],
        )
        for place, period in product(places, PERIODS)
    ]
    chains = [
        [(*place, part, period) for period in PREFERRED]
        for place, part in product(places, ("journeys", "deviating"))
    ]
    closed = release.few.protect(cells, sums, chains)
    found: dict[str, Any] = {}
    for row in rows:
        key = (row["persona"], row["stage"], row["deviation"])
        (
            found.setdefault(row["period"], {})
            .setdefault(row["persona"], {})
            .setdefault(row["stage"], {})
        )[row["deviation"]] = [
            shown(release, cells, closed, (*key, "deviating", row["period"])),
            shown(release, cells, closed, (*key, "journeys", row["period"])),
            row["version"],
        ]
    return found


def needs(release: Release) -> list[Row]:
    """What the newest map of each persona says that customers want in each stage."""
    return release.rows(
        """
        select map_persona as persona, step as stage, needs_ja, needs_en, issue_ja, issue_en
        from marts.dim_journey_map_steps
        where aspect = 'stage' and coalesce(needs_ja, needs_en) is not null
        qualify row_number() over (
            partition by map_persona, step order by map_version desc, map_step_number
        ) = 1
        order by map_persona, map_step_number
        """,
        "needs",
    )


def touchpoints(release: Release) -> dict[str, Any]:
    """What customers do: period, persona, canonical stage: types of touchpoints by journeys."""
    rows = release.rows(
        f"""
        with {release.periods()}
        select period, case when persona = 'all' then 'all'
                else {release.persona_of("persona")} end as persona, stage, touchpoint_type,
            sum(journey_count) as journeys
        from marts.kpi_pain_points_monthly
        inner join periods on month_start_date between first_date and last_date
        group by all
        having sum(journey_count) > 0
        order by all
        """,
        "touchpoints",
    )
    cells: Cells = {
        (row["stage"], row["touchpoint_type"], row["period"], row["persona"]): row["journeys"]
        for row in rows
    }
    places = {key[:2] for key in cells}
    sums: list[Sum] = [
        ((*place, period, ALL), [(*place, period, persona) for persona in release.personas])
        for place, period in product(places, PERIODS)
    ]
    chains = [
        [(*place, period, persona) for period in PREFERRED]
        for place, persona in product(places, [ALL, *release.personas])
    ]
    closed = release.few.protect(cells, sums, chains)
    found: dict[str, Any] = {}
    for key, count in sorted(cells.items(), key=lambda cell: (-cell[1], cell[0])):
        stage, kind, period, persona = key
        if key not in closed:
            mine = found.setdefault(period, {}).setdefault(persona, {}).setdefault(stage, [])
            if len(mine) < 4:
                mine.append([kind, int(count)])
    return found


def initiatives(release: Release) -> list[Row]:
    """What was done for which stage, what came of it, and the verdict."""
    return [
        {name: _plain(value) for name, value in row.items()}
        for row in release.rows(
            """
            select initiative, name_ja, name_en, stage, touchpoint_type, kpi, verdict, method,
                before_value, after_value, effect_value, interval_low_value, interval_high_value,
                cost_amount_reporting, gained_amount_reporting, return_rate, start_date, end_date
            from marts.kpi_initiative_results
            order by start_date desc, initiative
            """,
            "initiatives",
        )
    ]


def spread(release: Release) -> list[Row]:
    """Credit of the channels for first orders, lowest to highest of all methods."""
    return [
        {name: _plain(value) for name, value in row.items()}
        for row in release.rows(
            f"""
            select channel, lowest_credit, highest_credit, lowest_method, highest_method,
                best_rank, worst_rank, is_rank_method_dependent, lowest_paid_amount_reporting,
                highest_paid_amount_reporting
            from marts.kpi_attribution_spread
            where conversion_type = 'first_order' and highest_credit >= {release.few.smallest}
            order by highest_credit desc, channel
            """,
            "spread",
        )
    ]


def quality(release: Release) -> dict[str, Any]:
    """Loads by table, quarantined rows by reason, and how files drifted."""
    loads = release.rows(
        """
        select source, table_name, count(*) as files, sum(row_count) as rows,
            sum(loaded_count) as loaded, sum(duplicate_count) as duplicates,
            sum(quarantined_count) as quarantined, sum(erased_count) as erased,
            sum(expired_count) as expired,
            count(*) filter (where file_status != 'loaded') as rejected,
            max(data_through_at) as through
        from marts.load_quality
        group by all
        order by source desc, table_name
        """,
        "quality",
    )
    reasons = release.rows(
        """
        select split_part(reason, '=', 1) as reason, source || '/' || table_name as table_name,
            sum(split_part(reason, '=', 2)::bigint) as rows
        from (
            select source, table_name, unnest(string_split(quarantine_reasons, ', ')) as reason
            from marts.load_quality
            where quarantine_reasons is not null
        )
        group by all
        order by rows desc, reason, table_name
        """,
        "reasons",
    )
    drift = release.rows(
        """
        select distinct file_name, drift
        from marts.load_quality
        where drift is not null
        order by all
        """
    )
    return {
        "loads": [{name: _plain(value) for name, value in row.items()} for row in loads],
        "reasons": [{name: _plain(value) for name, value in row.items()} for row in reasons],
        "drift": [
            [row["file_name"], *finding] for row in drift for finding in texts.drift(row["drift"])
        ],
    }


def labels(release: Release) -> dict[str, dict[str, list[str]]]:
    """Both names of every code, by type of code."""
    found: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for row in release.rows(
        """
        select code_type, code, name_ja, name_en from marts.dim_labels
        union all
        select 'channel', channel, name_ja, name_en from marts.dim_channels
        order by all
        """
    ):
        found[row["code_type"]][row["code"]] = [row["name_ja"], row["name_en"]]
    return found


def _number(value: Any, digits: int = 4) -> float | None:
    return None if value is None else round(float(value), digits)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    return str(value) if hasattr(value, "isoformat") else _number(value)
