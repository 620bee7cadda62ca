with numbered as (

    select * from {{ ref('int_stage_touchpoints_numbered') }}

),

positioned as (

    select
        to_stage,
        month_start_date,
        touchpoint_type,
        channel,
        from_first::varchar as touchpoint_position
    from numbered
    where from_first <= {{ var('path_positions') }}
    union all
    select
        to_stage,
        month_start_date,
        touchpoint_type,
        channel,
        'last'
    from numbered
    where from_last = 1

),

-- Materialized: else DuckDB counts twice, once more for the window's sum.
counted as materialized (

    select
        month_start_date,
        to_stage,
        touchpoint_position,
        touchpoint_type,
        channel,
        count(*) as transition_count
    from positioned
    group by
        month_start_date,
        to_stage,
        touchpoint_position,
        touchpoint_type,
        channel

)

select
    {{ surrogate_key([
        'month_start_date', 'to_stage', 'touchpoint_position', 'touchpoint_type', 'channel'
    ]) }} as stage_touchpoint_id,
    to_stage,
    touchpoint_position,
    touchpoint_type,
    channel,
    transition_count::integer as transition_count,
    round(
        transition_count::double
        / sum(transition_count) over (
            partition by month_start_date, to_stage, touchpoint_position
        ), 6
    )::double as position_share,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from counted
