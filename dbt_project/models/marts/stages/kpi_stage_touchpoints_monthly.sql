with transitions as (

    select
        *,
        date_trunc('month', {{ business_date('occurred_at') }})::date as month_start_date
    from {{ ref('fct_stage_transitions') }}
    where to_stage is not null

),

touchpoints as (

    select * from {{ ref('fct_touchpoints') }}

),

causes as (

    select
        transitions.transition_id,
        transitions.person_id,
        transitions.journey_id,
        transitions.to_stage,
        transitions.month_start_date,
        touchpoints.touchpoint_number
    from transitions
    inner join touchpoints on transitions.touchpoint_id = touchpoints.touchpoint_id

),

-- The touchpoints of the journey before the one that signalled the stage, from both ends.
preceding as (

    select
        causes.transition_id,
        causes.to_stage,
        causes.month_start_date,
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

),

positioned as (

    select
        transition_id,
        to_stage,
        month_start_date,
        touchpoint_type,
        channel,
        from_first::varchar as touchpoint_position
    from preceding
    where from_first <= {{ var('path_positions') }}
    union all
    select
        transition_id,
        to_stage,
        month_start_date,
        touchpoint_type,
        channel,
        'last'
    from preceding
    where from_last = 1

),

counted as (

    select
        month_start_date,
        to_stage,
        touchpoint_position,
        touchpoint_type,
        coalesce(channel, '(not set)') as channel,
        count(*) as transition_count
    from positioned
    group by
        month_start_date,
        to_stage,
        touchpoint_position,
        touchpoint_type,
        coalesce(channel, '(not set)')

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
    month_start_date
from counted
