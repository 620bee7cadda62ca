{{ config(schema='touched') }}

with journey_touchpoints as (

    select * from {{ touched_rows('int_touchpoints_assigned_to_journeys') }}

),

touchpoints as (

    select * from {{ touched_rows('int_touchpoints_numbered') }}

),

signals as (

    select * from {{ touched_rows('int_stage_signals_matched') }}

),

told as (

    select
        journey_touchpoints.journey_id,
        journey_touchpoints.person_id,
        journey_touchpoints.touchpoint_number,
        journey_touchpoints.occurred_at,
        'touchpoint_type' as aspect,
        touchpoints.touchpoint_type as step
    from journey_touchpoints
    inner join touchpoints on journey_touchpoints.touchpoint_id = touchpoints.touchpoint_id
    union all
    select
        journey_touchpoints.journey_id,
        journey_touchpoints.person_id,
        journey_touchpoints.touchpoint_number,
        journey_touchpoints.occurred_at,
        'stage',
        signals.stage
    from journey_touchpoints
    inner join signals on journey_touchpoints.touchpoint_id = signals.touchpoint_id

),

compared as (

    select
        *,
        lag(step) over (
            partition by journey_id, aspect order by touchpoint_number
        ) as previous_step
    from told

)

-- The same step again, right after itself, is no new step. Long journeys are cut.
select
    journey_id,
    person_id,
    aspect,
    row_number() over (
        partition by journey_id, aspect order by touchpoint_number
    )::integer as step_number,
    step,
    occurred_at as reached_at
from compared
where step is distinct from previous_step
qualify step_number <= {{ var('alignment_steps') }}
