with steps as (

    select * from {{ ref('int_funnel_steps_derived') }}

),

journeys as (

    select * from {{ ref('fct_journeys') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

stages as (

    select * from {{ ref('dim_stages') }}

),

transitions as (

    select * from {{ ref('fct_stage_model_transitions') }}

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
        date_trunc(
            'month', {{ business_date('first_value(reached_at) over journey_steps') }}
        )::date as month_start_date
    from steps
    window
        journey_steps as (
            partition by stage_model, journey_id order by step_number
        )

),

described as (

    select
        followed.stage_model,
        followed.month_start_date,
        followed.step_number,
        followed.next_seconds,
        journeys.first_channel as channel,
        persons.persona,
        -- What came instead of the next step.
        case
            when followed.is_next_in_window then 'next'
            when followed.is_next_in_window is not null then 'late'
            when furthest.furthest_rank > followed.step_number then 'jumped'
            when journeys.is_open then 'open'
            else 'left'
        end as ending
    from followed
    inner join journeys on followed.journey_id = journeys.journey_id
    inner join furthest
        on
            followed.stage_model = furthest.stage_model
            and followed.journey_id = furthest.journey_id
    inner join persons on followed.person_id = persons.person_id
    where followed.is_in_window

),

sliced as (

    select
        *,
        'all' as dimension,
        'all' as dimension_value
    from described
    union all
    select
        *,
        'channel',
        channel
    from described
    union all
    select
        *,
        'persona',
        persona
    from described

),

counted as (

    select
        stage_model,
        month_start_date,
        dimension,
        dimension_value,
        step_number,
        count(*) as reached_count,
        count(*) filter (where ending = 'next') as next_count,
        count(*) filter (where ending = 'late') as late_count,
        count(*) filter (where ending = 'jumped') as jumped_count,
        count(*) filter (where ending = 'open') as open_count,
        count(*) filter (where ending = 'left') as left_count,
        sum(next_seconds) filter (where ending = 'next') as next_seconds
    from sliced
    group by stage_model, month_start_date, dimension, dimension_value, step_number

)

select
    {{ surrogate_key([
        'counted.stage_model', 'counted.month_start_date', 'counted.dimension',
        'counted.dimension_value', 'counted.step_number'
    ]) }} as funnel_id,
    counted.stage_model,
    counted.dimension,
    counted.dimension_value,
    stages.stage,
    counted.step_number::integer as step_number,
    counted.reached_count::integer as reached_count,
    counted.next_count::integer as next_count,
    counted.late_count::integer as late_count,
    counted.jumped_count::integer as jumped_count,
    counted.open_count::integer as open_count,
    counted.left_count::integer as left_count,
    round(counted.next_count::double / counted.reached_count, 6)::double as next_rate,
    round(
        counted.reached_count::double
        / first_value(counted.reached_count) over (
            partition by
                counted.stage_model,
                counted.month_start_date,
                counted.dimension,
                counted.dimension_value
            order by counted.step_number
            rows between unbounded preceding and current row
        ), 6
    )::double as reached_rate,
    round(counted.next_seconds::double / nullif(counted.next_count * 86400, 0), 6)::double
        as next_days,
    counted.month_start_date
from counted
inner join stages
    on counted.stage_model = stages.stage_model and counted.step_number = stages.stage_rank
