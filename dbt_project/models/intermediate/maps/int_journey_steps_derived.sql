{{ config(schema='touched') }}

with journey_touchpoints as (

    select * from {{ touched_rows('int_touchpoints_assigned_to_journeys') }}

),

touchpoints as (

    select * from {{ touched_rows('int_touchpoints_numbered') }}

),

stage_changes as (

    select * from {{ touched_rows('int_stage_changes_derived') }}

),

taken as (

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
    -- Of stages only rises: a further signal of a stage that the journey has behind it is no step.
    select
        journey_id,
        person_id,
        touchpoint_number,
        occurred_at,
        'stage',
        to_stage
    from stage_changes
    where not is_lapse

),

compared as (

    select
        *,
        lag(step) over (
            partition by journey_id, aspect order by touchpoint_number
        ) as previous_step
    from taken

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
