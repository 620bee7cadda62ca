{{ config(schema='touched') }}

with signals as (

    select * from {{ touched_rows('int_stage_signals_matched') }}

),

journey_touchpoints as (

    select * from {{ touched_rows('int_touchpoints_assigned_to_journeys') }}

),

stage_ranks as (

    select * from {{ ref('int_stage_ranks_derived') }}
    where stage_model = {{ canonical_stage_model() }}

),

-- Each signal under the ranks of its own day and of every later period: stages are compared as they
-- stand on the day of the later signal.
ranked as (

    select
        signals.touchpoint_id,
        signals.person_id,
        signals.stage,
        stage_ranks.stage_rank,
        journey_touchpoints.journey_id,
        journey_touchpoints.journey_number,
        journey_touchpoints.touchpoint_number,
        journey_touchpoints.occurred_at,
        signals.occurred_date >= stage_ranks.valid_from as is_of_its_day,
        -- The highest rank that the journey signalled before this touchpoint.
        max(stage_ranks.stage_rank) over (
            partition by
                signals.person_id, journey_touchpoints.journey_number, stage_ranks.valid_from
            order by journey_touchpoints.touchpoint_number
            rows between unbounded preceding and 1 preceding
        ) as previous_rank
    from signals
    inner join journey_touchpoints on signals.touchpoint_id = journey_touchpoints.touchpoint_id
    inner join stage_ranks
        on
            signals.stage = stage_ranks.stage
            and (stage_ranks.valid_to is null or signals.occurred_date < stage_ranks.valid_to)

),

rises as (

    select * from ranked
    where is_of_its_day and (previous_rank is null or stage_rank > previous_rank)

),

journeys as (

    select
        journey_id,
        person_id,
        journey_number,
        max(occurred_at) + interval '{{ var("journey_gap_days") }} days' as lapses_at
    from journey_touchpoints
    where is_own_act
    group by journey_id, person_id, journey_number

),

-- A journey that reached a stage lapses once the gap is over without another act of the person.
lapses as (

    select journeys.*
    from journeys
    where
        {{ is_known('journeys.lapses_at') }}
        and exists (
            select 1 from rises
            where rises.journey_id = journeys.journey_id
        )

),

changes as (

    select
        person_id,
        journey_id,
        journey_number,
        stage as to_stage,
        previous_rank as from_rank,
        stage_rank as to_rank,
        touchpoint_id,
        touchpoint_number,
        occurred_at,
        false as is_lapse
    from rises
    union all
    select
        person_id,
        journey_id,
        journey_number,
        null,
        null,
        null,
        null,
        null,
        lapses_at,
        true
    from lapses

)

select
    *,
    row_number() over (
        partition by person_id order by journey_number, is_lapse, touchpoint_number
    ) as change_number
from changes
