with conversions as (

    select * from {{ ref('int_conversions_unioned') }}
    where touchpoint_number is not null

),

sessions as (

    select * from {{ ref('fct_sessions') }}

),

touchpoints as (

    select * from {{ ref('fct_touchpoints') }}
    where person_id is not null

),

touch_types as (

    select * from {{ ref('touchpoint_types') }}
    where is_marketing_touch

),

touches as (

    select
        touchpoints.*,
        sessions.ended_at as visit_ended_at
    from touchpoints
    inner join touch_types on touchpoints.touchpoint_type = touch_types.touchpoint_type
    left join sessions on touchpoints.session_id = sessions.session_id

),

-- The visit in which a conversion happened, where its source says so.
conversion_visits as (

    select
        conversions.*,
        touchpoints.session_id as visit_id
    from conversions
    left join touchpoints
        on
            conversions.person_id = touchpoints.person_id
            and conversions.touchpoint_number = touchpoints.touchpoint_number

),

-- A touch works for the next conversion of a cycle only: what earned one earns no other, unless the
-- visit that it is still goes on.
cycles as (

    select
        person_id,
        cycle,
        touchpoint_number,
        lag(touchpoint_number) over (
            partition by person_id, cycle order by touchpoint_number
        ) as previous_number
    from conversions
    group by person_id, cycle, touchpoint_number

),

matched as (

    select
        conversions.conversion_id,
        conversions.conversion_type,
        touches.touchpoint_id,
        touches.touchpoint_number,
        touches.channel,
        touches.campaign,
        {{ seconds_between('touches.occurred_at', 'conversions.converted_at') }} / 86400.0
            as days_before
    from conversion_visits as conversions
    inner join cycles
        on
            conversions.person_id = cycles.person_id
            and conversions.cycle = cycles.cycle
            and conversions.touchpoint_number = cycles.touchpoint_number
    inner join touches
        on
            conversions.person_id = touches.person_id
            and conversions.touchpoint_number > touches.touchpoint_number
            and (
                coalesce(cycles.previous_number, 0) < touches.touchpoint_number
                or conversions.visit_id = touches.session_id
                or (
                    conversions.visit_id is null
                    and conversions.converted_at <= touches.visit_ended_at
                )
            )
            and conversions.converted_at
            - interval '{{ var("attribution_lookback_days") }} days' <= touches.occurred_at

),

-- Transforms of the path: every exposure, each channel once, or no direct unless all are.
transformed as (

    select
        *,
        case '{{ var("attribution_path") }}'
            when 'unique'
                then row_number() over (
                    partition by conversion_id, channel order by touchpoint_number
                ) = 1
            when 'remove_direct'
                then (
                    channel != 'direct'
                    or bool_and(channel = 'direct') over (partition by conversion_id)
                )
            else true
        end as is_in_path
    from matched

)

select
    conversion_id,
    conversion_type,
    touchpoint_id,
    channel,
    campaign,
    days_before,
    is_in_path,
    row_number() over (
        partition by conversion_id, is_in_path order by touchpoint_number
    )::integer as touch_number,
    count(*) over (partition by conversion_id, is_in_path)::integer as touch_count,
    count(*) over (partition by conversion_id, is_in_path, channel)::integer as channel_touch_count
from transformed
