{{ config(schema='touched') }}

with journey_touchpoints as (

    select * from {{ touched_rows('int_touchpoints_assigned_to_journeys') }}

),

touchpoints as (

    select * from {{ touched_rows('int_touchpoints_numbered') }}

),

touchpoint_types as (

    select * from {{ ref('touchpoint_types') }}

),

-- A payment or a survey brings nobody: only touches that bring say through which channel.
numbered_touches as (

    select
        journey_touchpoints.*,
        touchpoints.channel,
        touchpoints.touchpoint_type,
        {{ bringing_columns(
            'journey_touchpoints.touchpoint_number', 'journey_touchpoints.journey_id'
        ) }}
    from journey_touchpoints
    inner join touchpoints on journey_touchpoints.touchpoint_id = touchpoints.touchpoint_id
    inner join touchpoint_types on touchpoints.touchpoint_type = touchpoint_types.touchpoint_type

),

journeys as (

    select
        journey_id,
        person_id,
        journey_number,
        coalesce(arg_min(bringing_channel, touchpoint_number), 'unassigned') as first_channel,
        coalesce(arg_max(bringing_channel, touchpoint_number), 'unassigned') as last_channel,
        case
            when count(first_paid_number) > 0
                then coalesce(
                    arg_max(bringing_channel, touchpoint_number)
                    filter (where touchpoint_number < first_paid_number),
                    'unassigned'
                )
        end as acquisition_channel,
        -- Long paths are cut to a stated length. Steps carry their number, so that the list can be
        -- sorted afterwards: an aggregate with an order of its own keeps whole rows in memory.
        list(
            lpad(journey_touchpoint_number::varchar, 4, '0')
            || channel
        ) filter (
            where journey_touchpoint_number <= {{ var('path_steps') }}
        ) as channel_steps,
        list(
            lpad(journey_touchpoint_number::varchar, 4, '0')
            || touchpoint_type
        ) filter (
            where journey_touchpoint_number <= {{ var('path_steps') }}
        ) as touchpoint_steps,
        case when count(*) > {{ var('path_steps') }} then ' > (other)' else '' end as path_rest,
        count(*) as touchpoint_count,
        min(occurred_at) as started_at,
        max(occurred_at) filter (where is_own_act) as ended_at
    from numbered_touches
    group by
        journey_id,
        person_id,
        journey_number

)

select
    * exclude (channel_steps, touchpoint_steps, path_rest),
    regexp_replace(
        array_to_string(list_sort(channel_steps), ' > '), '(^| > )[0-9]{4}', '\1', 'g'
    ) || path_rest as channel_path,
    regexp_replace(
        array_to_string(list_sort(touchpoint_steps), ' > '), '(^| > )[0-9]{4}', '\1', 'g'
    ) || path_rest as touchpoint_path
from journeys
