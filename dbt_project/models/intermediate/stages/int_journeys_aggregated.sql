{{ config(schema='touched') }}

with journey_touchpoints as (

    select * from {{ touched_rows('int_touchpoints_assigned_to_journeys') }}

),

touchpoints as (

    select * from {{ touched_rows('int_touchpoints_numbered') }}

),

journeys as (

    select
        journey_touchpoints.journey_id,
        journey_touchpoints.person_id,
        journey_touchpoints.journey_number,
        arg_min(touchpoints.channel, journey_touchpoints.touchpoint_number) as first_channel,
        arg_max(touchpoints.channel, journey_touchpoints.touchpoint_number) as last_channel,
        -- Long paths are cut to a stated length. Steps carry their number, so that the list can be
        -- sorted afterwards: an aggregate with an order of its own keeps whole rows in memory.
        list(
            lpad(journey_touchpoints.journey_touchpoint_number::varchar, 4, '0')
            || touchpoints.channel
        ) filter (
            where journey_touchpoints.journey_touchpoint_number <= {{ var('path_steps') }}
        ) as channel_steps,
        list(
            lpad(journey_touchpoints.journey_touchpoint_number::varchar, 4, '0')
            || touchpoints.touchpoint_type
        ) filter (
            where journey_touchpoints.journey_touchpoint_number <= {{ var('path_steps') }}
        ) as touchpoint_steps,
        case when count(*) > {{ var('path_steps') }} then ' > (other)' else '' end as path_rest,
        count(*) as touchpoint_count,
        min(journey_touchpoints.occurred_at) as started_at,
        max(journey_touchpoints.occurred_at) as ended_at
    from journey_touchpoints
    inner join touchpoints on journey_touchpoints.touchpoint_id = touchpoints.touchpoint_id
    group by
        journey_touchpoints.journey_id,
        journey_touchpoints.person_id,
        journey_touchpoints.journey_number

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
