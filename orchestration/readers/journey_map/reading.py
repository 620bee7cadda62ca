"""
What the page shows, read from the marts of one release and from nowhere else.

Everything is of twelve months, the last being that of the release's as-of, unless a block says
otherwise. Counts of
1 to 4 people and what is computed from them are suppressed: they come out as `FEW` or None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb

from orchestration.rules.tables import CANONICAL_STAGE_MODEL

SMALLEST = 5  # people: fewer are not shown
ENOUGH = 30  # answers: fewer are drawn in grey
FEW = "<5"

Row = dict[str, Any]


@dataclass(frozen=True)
class Label:
    """A text in both languages."""

    ja: str
    en: str


@dataclass
class Content:
    """All blocks of the page; every list is in the order in which it is shown."""

    release: Row
    stages: list[Row] = field(default_factory=list)
    transitions: list[Row] = field(default_factory=list)
    cohorts: list[Row] = field(default_factory=list)
    value_stages: list[Row] = field(default_factory=list)
    movements: list[Row] = field(default_factory=list)
    kpis: list[Row] = field(default_factory=list)
    channels: list[Row] = field(default_factory=list)
    loads: list[Row] = field(default_factory=list)
    rejects: list[Row] = field(default_factory=list)


def few(count: int | None) -> int | str:
    """A count of people, or that there are too few to be shown."""
    count = count or 0
    return FEW if 0 < count < SMALLEST else count


def read(connection: duckdb.DuckDBPyConnection, schema: str = "marts") -> Content:
    """Read the release that `connection` has open; its tables lie in `schema`."""

    def rows(query: str) -> list[Row]:
        cursor = connection.execute(query.replace("marts.", f"{schema}."))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    (release,) = rows("select * from marts.release_info")
    since = f"date_trunc('month', timestamp '{release['as_of_at']}' - interval '11 months')::date"
    content = Content(release)
    (period,) = rows(f"select {since} as since_date")
    release["since_date"] = period["since_date"]

    content.stages = rows(
        f"""
        with funnel as (
            select stage, sum(reached_count) as reached, sum(next_count) as went_on,
                sum(left_count) as dropped, sum(open_count) as still_open
            from marts.kpi_funnel_monthly
            where stage_model = '{CANONICAL_STAGE_MODEL}' and dimension = 'all'
                and month_start_date >= {since}
            group by stage
        ), recent as (
            select stage,
                sum(next_count) filter (where age between 1 and 3)
                / nullif(sum(reached_count) filter (where age between 1 and 3), 0)
                - sum(next_count) filter (where age between 4 and 6)
                / nullif(sum(reached_count) filter (where age between 4 and 6), 0) as change
            from (
                select *, date_diff('month', month_start_date, (
                    select as_of_at from marts.release_info)) as age
                from marts.kpi_funnel_monthly
                where stage_model = '{CANONICAL_STAGE_MODEL}' and dimension = 'all'
            )
            group by stage
        ), stays as (
            select stage, count(distinct person_id) filter (where is_open) as people_now,
                count(distinct person_id) filter (where entered_at >= {since}) as entered,
                median(stage_seconds) filter (where not is_open and entered_at >= {since})
                / 86400 as median_days
            from marts.fct_stage_intervals
            group by stage
        ), scores as (
            select stage_at_answer as stage, count(*) as answers,
                avg(score_rate::double) as score,
                1.96 * stddev_samp(score_rate::double) / sqrt(count(*)) as margin
            from marts.fct_survey_scores
            where metric in ('nps', 'csat', 'ces') and score_rate is not null
                and responded_at >= {since}
            group by stage_at_answer
        ), revenue as (
            select stage, sum(paid_amount_reporting) as paid, count(distinct person_id) as payers
            from marts.fct_revenue_points
            where occurred_at >= {since}
            group by stage
        )
        select stages.stage, stages.name_ja, stages.name_en, stages.stage_rank,
            coalesce(stays.people_now, 0) as people_now, coalesce(stays.entered, 0) as entered,
            stays.median_days, funnel.reached, funnel.went_on, funnel.dropped,
            funnel.still_open, recent.change, coalesce(scores.answers, 0) as answers,
            scores.score, scores.margin, revenue.paid, coalesce(revenue.payers, 0) as payers
        from marts.dim_stages as stages
        left join funnel on stages.stage = funnel.stage
        left join recent on stages.stage = recent.stage
        left join stays on stages.stage = stays.stage
        left join scores on stages.stage = scores.stage
        left join revenue on stages.stage = revenue.stage
        where stages.stage_model = '{CANONICAL_STAGE_MODEL}'
        order by stages.stage_rank
        """
    )
    pains = rows(
        f"""
        select pains.*, labels.name_ja, labels.name_en
        from marts.kpi_pain_points as pains
        inner join marts.dim_labels as labels
            on labels.code_type = 'touchpoint_type' and pains.touchpoint_type = labels.code
        where pains.persona = 'all' and pains.journey_count >= {SMALLEST}
        order by pains.priority_rank
        """
    )
    for stage in content.stages:
        mine = [pain for pain in pains if pain["stage"] == stage["stage"]]
        stage["touchpoints"] = sorted(mine, key=lambda p: (-p["journey_count"], p["name_en"]))[:3]
        stage["pains"] = [pain for pain in mine if pain["priority_score"]][:2]
        if (stage["reached"] or 0) < SMALLEST:
            stage["change"] = None
        if stage["entered"] < SMALLEST:
            stage["median_days"] = None
        if stage["answers"] < SMALLEST:
            stage["score"] = stage["margin"] = None
        if stage["payers"] < SMALLEST:
            stage["paid"] = None

    content.transitions = rows(
        f"""
        select from_stage, to_stage, transition_type, sum(transition_count)::bigint as moves
        from marts.kpi_stage_transitions_monthly
        where stage_model = '{CANONICAL_STAGE_MODEL}' and dimension = 'all'
            and month_start_date >= {since}
        group by all
        having sum(transition_count) >= {SMALLEST}
        order by all
        """
    )
    content.cohorts = rows(
        f"""
        select cohort_month_date, month_number_since, cohort_customer_count,
            ordering_rate, realised_lifetime_value
        from marts.kpi_cohorts_monthly
        where cohort_month_date >= {since} and cohort_customer_count >= {SMALLEST}
        order by cohort_month_date, month_number_since
        """
    )
    content.value_stages = rows(
        f"""
        select value.value_stage, labels.name_ja, labels.name_en,
            sum(value.customer_count) as customer_months,
            sum(value.paid_amount_reporting) as paid,
            sum(value.at_risk_amount_reporting) as at_risk,
            sum(value.prepaid_amount_reporting) as prepaid,
            sum(value.pay_later_amount_reporting) as pay_later,
            sum(value.unpaid_amount_reporting) as unpaid,
            sum(value.satisfaction_rate * value.revenue_point_count)
            / nullif(sum(value.revenue_point_count) filter (
                where value.satisfaction_rate is not null), 0) as satisfaction,
            sum(value.priority_score) as priority
        from marts.kpi_value_journey as value
        inner join marts.dim_labels as labels
            on labels.code_type = 'value_stage' and value.value_stage = labels.code
        where value.month_start_date >= {since}
        group by value.value_stage, labels.name_ja, labels.name_en, labels.code_order
        having sum(value.customer_count) >= {SMALLEST}
        order by labels.code_order
        """
    )
    content.movements = rows(
        f"""
        select month_start_date, currency_code, start_amount, new_amount, expansion_amount,
            reactivation_amount, contraction_amount, churn_amount, end_amount
        from marts.kpi_recurring_revenue_monthly
        where month_start_date >= {since} and end_subscriber_count >= {SMALLEST}
        order by currency_code, month_start_date
        """
    )
    content.kpis = rows(
        """
        with months as (
            -- The last whole month: its last day, a business day and no day of UTC, is shown.
            select max(month_start_date) as month_start_date
            from marts.kpi_monthly
            where month_start_date + interval '1 month' - interval '1 day' <= (
                select max(kpi_date) from marts.kpi_daily)
        )
        select kpis.kpi, kpis.parent_kpi, kpis.name_ja, kpis.name_en, kpis.unit, kpis.direction,
            kpis.owner_department, monthly.kpi_value, monthly.target, monthly.attainment_rate,
            monthly.gap_to_target,
            monthly.denominator, months.month_start_date
        from marts.dim_kpis as kpis
        cross join months
        left join marts.kpi_monthly as monthly
            on kpis.kpi = monthly.kpi and monthly.dimension = 'all'
            and months.month_start_date = monthly.month_start_date
        order by kpis.kpi
        """
    )
    for kpi in content.kpis:
        if 0 < (kpi["denominator"] or 0) < SMALLEST:
            kpi["attainment_rate"] = kpi["gap_to_target"] = None

    content.channels = rows(
        f"""
        select spread.channel, coalesce(channels.name_ja, spread.channel) as name_ja,
            coalesce(channels.name_en, spread.channel) as name_en, spread.lowest_credit,
            spread.highest_credit, spread.best_rank, spread.worst_rank,
            spread.is_rank_method_dependent, spread.lowest_paid_amount_reporting as lowest_paid,
            spread.highest_paid_amount_reporting as highest_paid,
            lowest.name_ja as lowest_ja, lowest.name_en as lowest_en,
            highest.name_ja as highest_ja, highest.name_en as highest_en
        from marts.kpi_attribution_spread as spread
        left join marts.dim_channels as channels on spread.channel = channels.channel
        left join marts.dim_labels as lowest
            on lowest.code_type = 'method' and spread.lowest_method = lowest.code
        left join marts.dim_labels as highest
            on highest.code_type = 'method' and spread.highest_method = highest.code
        where spread.conversion_type = 'first_order' and spread.highest_credit >= {SMALLEST}
        order by spread.highest_credit desc, spread.channel
        """
    )
    content.loads = rows(
        """
        select source, table_name, count(*) as files, sum(row_count) as row_count,
            sum(loaded_count) as loaded_count, sum(duplicate_count) as duplicate_count,
            sum(quarantined_count) as quarantined_count, sum(erased_count) as erased_count,
            count(*) filter (where file_status != 'loaded') as rejected_files,
            max(data_through_at) as data_through_at
        from marts.load_quality
        group by source, table_name
        order by source desc, table_name
        """
    )
    content.rejects = rows(
        """
        select split_part(reason, '=', 1) as reason, sum(split_part(reason, '=', 2)::bigint) as n
        from (
            select unnest(string_split(quarantine_reasons, ', ')) as reason
            from marts.load_quality
            where quarantine_reasons is not null
        )
        group by 1
        order by 2 desc, 1
        """
    )
    return content
