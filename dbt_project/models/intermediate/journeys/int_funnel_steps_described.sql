{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with steps as (

    select * from {{ touched_rows('int_funnel_steps_derived') }}

),

journeys as (

    select * from {{ touched_rows('fct_journeys') }}

),

-- Each step that a journey reached, and what came after it.
followed as (

    select
        stage_model,
        person_id,
        journey_id,
        stage,
        step_number,
        furthest_rank,
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
    followed.stage,
    followed.step_number,
    -- What came instead of the next step.
    case
        when followed.is_next_in_window then 'next'
        when followed.is_next_in_window is not null then 'late'
        when followed.furthest_rank > followed.step_number then 'jumped'
        when journeys.is_open then 'open'
        else 'left'
    end as ending,
    followed.next_seconds,
    {{ month_start_date(business_date('followed.entered_at')) }} as month_start_date
from followed
inner join journeys on followed.journey_id = journeys.journey_id
where followed.is_in_window
