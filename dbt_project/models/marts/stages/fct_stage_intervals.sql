{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with changes as (

    select * from {{ touched_rows('int_stage_changes_derived') }}

),

journey_touchpoints as (

    select * from {{ touched_rows('int_touchpoints_assigned_to_journeys') }}

),

signals as (

    select * from {{ touched_rows('int_stage_signals_matched') }}

),

stage_ranks as (

    select * from {{ ref('int_stage_ranks_derived') }}
    where stage_model = {{ canonical_stage_model() }}

),

bounded as (

    select
        *,
        lead(occurred_at) over (partition by person_id order by change_number) as left_at
    from changes

),

-- Half-open: [entered_at, left_at). A lapse opens none.
stage_intervals as (

    select
        {{ surrogate_key(['person_id', 'change_number']) }} as stage_interval_id,
        person_id,
        journey_id,
        to_stage as stage,
        occurred_at as entered_at,
        left_at
    from bounded
    where to_stage is not null

),

-- Signals of a lower stage do not demote; they are counted as revisits of the stay they fall in.
revisits as (

    select
        stage_intervals.stage_interval_id,
        count(*) as revisit_count
    from signals
    inner join journey_touchpoints on signals.touchpoint_id = journey_touchpoints.touchpoint_id
    inner join stage_intervals
        on
            journey_touchpoints.journey_id = stage_intervals.journey_id
            and journey_touchpoints.occurred_at >= stage_intervals.entered_at
            and (
                stage_intervals.left_at is null
                or journey_touchpoints.occurred_at < stage_intervals.left_at
            )
    inner join stage_ranks
        on
            stage_intervals.stage = stage_ranks.stage
            and {{ holds_on('stage_ranks', 'signals.occurred_date') }}
    where signals.stage_rank < stage_ranks.stage_rank
    group by stage_intervals.stage_interval_id

)

select
    stage_intervals.stage_interval_id,
    stage_intervals.person_id,
    stage_intervals.journey_id,
    stage_intervals.stage,
    coalesce(revisits.revisit_count, 0)::integer as revisit_count,
    {{ seconds_between('stage_intervals.entered_at', 'stage_intervals.left_at') }}::bigint
        as stage_seconds,
    stage_intervals.left_at is null as is_open,
    {{ business_date('stage_intervals.entered_at') }} as entered_date,
    {{ business_date('stage_intervals.left_at') }} as left_date,
    stage_intervals.entered_at,
    stage_intervals.left_at
from stage_intervals
left join revisits on stage_intervals.stage_interval_id = revisits.stage_interval_id
