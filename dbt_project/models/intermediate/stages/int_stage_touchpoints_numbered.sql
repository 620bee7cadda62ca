{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with transitions as (

    select * from {{ touched_rows('fct_stage_transitions') }}
    where to_stage is not null

),

touchpoints as (

    select * from {{ touched_rows('fct_touchpoints') }}

),

causes as (

    select
        transitions.transition_id,
        transitions.person_id,
        transitions.journey_id,
        transitions.to_stage,
        transitions.occurred_at,
        touchpoints.touchpoint_number
    from transitions
    inner join touchpoints on transitions.touchpoint_id = touchpoints.touchpoint_id

),

-- The touchpoints of the journey before the one that signalled the stage, from both ends.
preceding as (

    select
        causes.transition_id,
        causes.person_id,
        causes.to_stage,
        causes.occurred_at,
        touchpoints.touchpoint_type,
        touchpoints.channel,
        row_number() over (
            partition by causes.transition_id order by touchpoints.touchpoint_number
        ) as from_first,
        row_number() over (
            partition by causes.transition_id order by touchpoints.touchpoint_number desc
        ) as from_last
    from causes
    inner join touchpoints
        on
            causes.journey_id = touchpoints.journey_id
            and causes.touchpoint_number > touchpoints.touchpoint_number

)

-- Only the positions that are kept: the first ones, and the last.
select
    transition_id,
    person_id,
    to_stage,
    touchpoint_type,
    coalesce(channel, '(not set)') as channel,
    from_first,
    from_last,
    {{ month_start_date(business_date('occurred_at')) }} as month_start_date
from preceding
where from_first <= {{ var('path_positions') }} or from_last = 1
