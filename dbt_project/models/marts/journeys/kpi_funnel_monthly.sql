with steps as (

    select * from {{ ref('int_funnel_steps_described') }}

),

-- Each step is counted once; the slices are sums of what is left.
finest as (

    select
        stage_model,
        month_start_date,
        step_number,
        stage,
        channel,
        persona,
        count(*) as reached_count,
        count(*) filter (where ending = 'next') as next_count,
        count(*) filter (where ending = 'late') as late_count,
        count(*) filter (where ending = 'jumped') as jumped_count,
        count(*) filter (where ending = 'open') as open_count,
        count(*) filter (where ending = 'left') as left_count,
        sum(next_seconds) filter (where ending = 'next') as next_seconds
    from steps
    group by stage_model, month_start_date, step_number, stage, channel, persona

),

counted as (

    select
        stage_model,
        month_start_date,
        step_number,
        stage,
        {{ slice_of(['channel', 'persona']) }},
        sum(reached_count) as reached_count,
        sum(next_count) as next_count,
        sum(late_count) as late_count,
        sum(jumped_count) as jumped_count,
        sum(open_count) as open_count,
        sum(left_count) as left_count,
        sum(next_seconds) as next_seconds
    from finest
    group by grouping sets (
        (stage_model, month_start_date, step_number, stage),
        (stage_model, month_start_date, step_number, stage, channel),
        (stage_model, month_start_date, step_number, stage, persona)
    )

)

select
    {{ surrogate_key([
        'counted.stage_model', 'counted.month_start_date', 'counted.dimension',
        'counted.dimension_value', 'counted.step_number', 'counted.stage'
    ]) }} as funnel_id,
    counted.stage_model,
    counted.dimension,
    counted.dimension_value,
    counted.stage,
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
        / sum(counted.reached_count) filter (where counted.step_number = 1) over (
            partition by
                counted.stage_model,
                counted.month_start_date,
                counted.dimension,
                counted.dimension_value
        ), 6
    )::double as reached_rate,
    round(counted.next_seconds::double / nullif(counted.next_count * 86400, 0), 6)::double
        as next_days,
    {{ is_complete('counted.month_start_date') }} as is_complete,
    counted.month_start_date
from counted
