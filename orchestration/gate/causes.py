"""
Why a KPI of a day was restated: what happened between two releases, and how far it reaches.

A cause is narrow or wide. Narrow ones have evidence in the records of the day (or month) itself:
erased or merged persons who did something on it, late records of a table that the KPI is counted
from, files of such a table that were taken back. Wide ones may reach any day: other rules, other
code; and, where the day itself shows nothing, late records of another day or another table (a
refund speaks of the day of its order, a visit of what follows it), and what the later release knows
since it looks from a later instant.

Named is, in this order: other rules or code, where they must have changed the KPI, since one of its
days changed that no narrow cause reaches (what they did to its other days cannot be told apart);
the narrow causes, erasure first; the wide ones; else `unknown`. All that reach are listed beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from orchestration.loading.contract import Table


@dataclass(frozen=True)
class Between:
    """What lies between two releases, beside what their tables tell."""

    contract: Mapping[str, Table]
    business_timezone: str
    as_of_at: str
    previous_as_of_at: str
    has_other_rules: bool
    has_other_code: bool
    is_erasing: bool


def find(connection: duckdb.DuckDBPyConnection, between: Between) -> None:
    """
    Make the temporary table `explained_kpis` of `restated_kpis`, with the release before attached
    as `previous`; and `evidence`, one row per narrow cause, raw table (or none), type and day.
    """
    connection.execute(
        "create or replace temp table evidence (cause varchar, raw_table varchar, record_type "
        "varchar, evidence_date date, record_count bigint)"
    )
    _note_files(connection, between)
    _note_persons(connection, between)
    _explain(connection, between)


def _note_files(connection: duckdb.DuckDBPyConnection, between: Between) -> None:
    """Records that came with this release, late or later; and files that were taken back."""
    key = "file_id, source, table_name"
    now = f"select {key} from ops.files where status = 'loaded'"
    was = f"select {key} from previous.marts.load_quality where file_status = 'loaded'"
    came: dict[str, list[str]] = {}
    for file_id, source, name in connection.execute(f"({now}) except ({was})").fetchall():
        came.setdefault(f"{source}/{name}", []).append(file_id)
    for label, file_ids in came.items():
        _note_records(connection, between.contract[label], file_ids, between)
    # Their rows are gone: of which days they were is not known any more, only through which.
    connection.execute(
        f"""
        insert into evidence
        select 'retraction', source || '.' || table_name, null,
            {business_day("max(data_through_at)", between.business_timezone)}, null
        from (({was}) except ({now}))
        inner join previous.marts.load_quality using ({key})
        group by source, table_name
        """
    )


def _note_records(
    connection: duckdb.DuckDBPyConnection, table: Table, file_ids: list[str], between: Between
) -> None:
    """By day and type: records of files that came. Late is what the release before could know."""
    names = {column.name: column.data_type for column in table.columns}
    time = table.time_column or next((n for n in table.key if names[n] == "date"), None)
    if time is None or table.source == "privacy":
        return
    day = f'"{time}"'
    if names[time] != "date":
        day = business_day(day, between.business_timezone)
    known = f'coalesce("{table.version_column}", "{time}")' if table.version_column else f'"{time}"'
    kind = next((n for n in names if n.endswith("_type") and table.name.startswith(n[:4])), None)
    connection.execute(
        f"""
        insert into evidence
        select
            case when {known} < ?::timestamp then 'late_data' else 'later_data' end,
            ?, {f'"{kind}"' if kind else "null"}, {day}, count(*)
        from {table.relation}
        where _file_id in (select unnest(?::varchar[])) and "{time}" is not null
        group by all
        """,
        [between.previous_as_of_at, f"{table.source}.{table.name}", file_ids],
    )


def business_day(instant: str, zone: str) -> str:
    """SQL: the business day of an instant (UTC)."""
    return f"({instant} at time zone 'UTC' at time zone '{zone}')::date"


def _note_persons(connection: duckdb.DuckDBPyConnection, between: Between) -> None:
    """Days on which persons did something who were merged or erased since."""
    connection.execute(
        f"""
        insert into evidence
        with gone as (
            select person_id from previous.marts.dim_persons
            except
            select person_id from marts.dim_persons
        ),
        merges as (
            select distinct gone.person_id as gone_id, merges.person_id
            from gone
            inner join marts.fct_person_merges as merges on gone.person_id = merges.merged_person_id
        ),
        moved as (
            select gone_id as person_id, gone_id, 'identity_merge' as cause from merges
            union
            select person_id, gone_id, 'identity_merge' from merges
            union all
            select person_id, person_id, 'erasure' from gone
            where {str(between.is_erasing).lower()}
                and person_id not in (select gone_id from merges)
        ),
        days as (
            select person_id, occurred_date from previous.marts.fct_touchpoints
            union
            select person_id, occurred_date from previous.marts.fct_revenue_points
            union
            select person_id, occurred_date from marts.fct_touchpoints
            where person_id in (select person_id from moved)
        )
        select
            moved.cause, null, null, days.occurred_date,
            case when moved.cause = 'identity_merge' then count(distinct moved.gone_id) end
        from moved
        inner join days using (person_id)
        where days.occurred_date is not null
        group by moved.cause, days.occurred_date
        """
    )


def _explain(connection: duckdb.DuckDBPyConnection, between: Between) -> None:
    parameters = {
        "rules": between.has_other_rules,
        "code": between.has_other_code,
        "erasing": between.is_erasing,
        "instant": between.as_of_at != between.previous_as_of_at,
    }
    connection.execute(
        """
        create or replace temp table explained_kpis as
        with sources as (
            select distinct
                kpis.kpi,
                array_to_string(list_slice(string_split(source, '.'), 1, 2), '.') as raw_table
            from marts.dim_kpis as kpis
            inner join (
                select measure, unnest(string_split(source_tables, '|')) as source
                from seeds.kpi_measures
            ) as measures on measures.measure in (kpis.numerator_measure, kpis.denominator_measure)
        ),

        -- Evidence about all KPIs, or about those that are counted from its table, by period.
        witnesses as (
            select evidence.*, kpi from evidence inner join sources using (raw_table)
            union all
            select evidence.*, kpis.kpi
            from evidence
            cross join (select distinct kpi from restated_kpis) as kpis
            where evidence.raw_table is null
        ),

        narrow as (
            select
                'day' as period, kpi, evidence_date as period_start_date, cause, raw_table,
                record_type, record_count
            from witnesses
            where cause != 'retraction'
            union all
            select 'month', kpi, date_trunc('month', evidence_date)::date, cause, raw_table,
                record_type, record_count
            from witnesses
            where cause != 'retraction'
        ),

        summed as (
            select
                period, kpi, period_start_date, cause, raw_table, record_type,
                sum(record_count)::bigint as record_count
            from narrow
            group by all
        ),

        told as (
            select
                period, kpi, period_start_date, cause, sum(record_count)::bigint as record_count,
                string_agg(
                    concat_ws('.', raw_table, record_type) || '=' || record_count, ', '
                    order by raw_table, record_type
                ) filter (where raw_table is not null) as records
            from summed
            group by all
        ),

        -- Of the KPI's own tables: through which day files went; whether records are late.
        own as (
            select
                kpi,
                max(evidence_date) filter (where cause = 'retraction') as through_date,
                count(*) filter (where cause = 'late_data') > 0 as is_late
            from witnesses group by kpi
        ),

        wide as (
            select
                count(*) filter (where cause = 'retraction') > 0 as by_retraction,
                count(*) filter (where cause = 'identity_merge') > 0 as by_merge,
                count(*) filter (where cause = 'later_data') > 0 as by_later,
                min(evidence_date) filter (where cause = 'late_data') as late_from
            from evidence
        ),

        reached as (
            select
                restated.*,
                coalesce(bool_or(told.cause = 'erasure'), false) as of_erasure,
                coalesce(
                    bool_or(restated.period_start_date <= own.through_date), false
                ) as of_retraction,
                coalesce(bool_or(own.is_late), false) as is_late,
                coalesce(bool_or(told.cause = 'late_data'), false) as of_late,
                coalesce(bool_or(told.cause = 'identity_merge'), false) as of_merge,
                coalesce(bool_or(told.cause = 'later_data'), false) as of_later
            from restated_kpis as restated
            left join told using (period, kpi, period_start_date)
            left join own using (kpi)
            group by all
        ),

        judged as (
            select
                reached.*, wide.*,
                ($rules or $code) and bool_or(
                    not (of_erasure or of_retraction or of_late or of_merge or of_later)
                ) over (partition by reached.kpi) as of_version
            from reached
            cross join wide
        ),

        listed as (
            select
                *,
                list_filter([
                    case when of_version and $rules then 'rule_version' end,
                    case when of_version and $code then 'code_version' end,
                    case when of_erasure then 'erasure' end,
                    case when of_retraction then 'retraction' end,
                    case when of_late then 'late_data' end,
                    case when of_merge then 'identity_merge' end,
                    case when of_later then 'later_data' end,
                    case when is_late or late_from <= period_end_date then 'late_data' end,
                    case when by_retraction then 'retraction' end,
                    case when $erasing then 'erasure' end,
                    case when by_merge then 'identity_merge' end,
                    case when by_later or $instant then 'later_data' end,
                    case when $rules then 'rule_version' end,
                    case when $code then 'code_version' end
                ], lambda cause: cause is not null) as causes
            from judged
        )

        select
            listed.period,
            listed.kpi,
            listed.period_start_date,
            listed.previous_value,
            listed.restated_value,
            listed.changed_slice_count,
            coalesce(listed.causes[1], 'unknown') as cause,
            nullif(array_to_string(list_filter(
                listed.causes,
                lambda cause, place: list_position(listed.causes, cause) = place
            ), ', '), '') as possible_causes,
            told.records as cause_records,
            told.record_count as cause_record_count
        from listed
        left join told
            on listed.period = told.period and listed.kpi = told.kpi
            and listed.period_start_date = told.period_start_date and told.cause = listed.causes[1]
        """,
        parameters,
    )
