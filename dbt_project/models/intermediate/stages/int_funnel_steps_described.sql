{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with steps as (

    select * from {{ touched_rows('int_funnel_steps_derived') }}

),

journeys as (

    select * from {{ touched_rows('fct_journeys') }}

),

transitions as (

    select * from {{ touched_rows('fct_stage_model_transitions') }}

),

stages as (

    select * from {{ ref('dim_stages') }}

),

-- How far the journey came in each model, in whatever order.
furthest as (

    select
        transitions.stage_model,
        transitions.journey_id,
        max(stages.stage_rank) as furthest_rank
    from transitions
    inner join stages
        on transitions.stage_model = stages.stage_model and transitions.to_stage = stages.stage
    group by transitions.stage_model, transitions.journey_id

),

-- Each step that a journey reached, and what came after it.
followed as (

    select
        stage_model,
        person_id,
        journey_id,
        step_number,
        is_in_window,
        {{ seconds_between('reached_at', 'lead(reached_at) over journey_steps') }} as next_seconds,
        lead(is_in_window) over journey_steps as is_next_in_window,
        first_value(reached_at) over journey_steps as entered_at
    from steps
    window
        journey_steps as (
            partition by stage_model, journey_id order by step_number
        )

)

select
    followed.stage_model,
    followed.person_id,
    followed.journey_id,
    journeys.first_channel as channel,
    journeys.persona,
    followed.step_number,
    -- What came instead of the next step.
    case
        when followed.is_next_in_window then 'next'
        when followed.is_next_in_window is not null then 'late'
        when furthest.furthest_rank > followed.step_number then 'jumped'
        when journeys.is_open then 'open'
        else 'left'
    end as ending,
    followed.next_seconds,
    {{ month_start_date(business_date('followed.entered_at')) }} as month_start_date
from followed
inner join journeys on followed.journey_id = journeys.journey_id
inner join furthest
    on
        followed.stage_model = furthest.stage_model
        and followed.journey_id = furthest.journey_id
where followed.is_in_window
