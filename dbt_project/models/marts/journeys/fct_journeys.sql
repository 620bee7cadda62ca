{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with journey_touchpoints as (

    select * from {{ ref('int_touchpoints_assigned_to_journeys') }}
    where {{ is_touched_person('person_id') }}

),

touchpoints as (

    select * from {{ ref('int_touchpoints_numbered') }}
    where {{ is_touched_person('person_id') }}

),

transitions as (

    select * from {{ ref('fct_stage_transitions') }}
    where {{ is_touched_person('person_id') }}

),

revenue_points as (

    select * from {{ ref('fct_revenue_points') }}
    where {{ is_touched_person('person_id') }}

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
        count(*) as touchpoint_count,
        min(journey_touchpoints.occurred_at) as started_at,
        max(journey_touchpoints.occurred_at) as ended_at
    from journey_touchpoints
    inner join touchpoints on journey_touchpoints.touchpoint_id = touchpoints.touchpoint_id
    group by
        journey_touchpoints.journey_id,
        journey_touchpoints.person_id,
        journey_touchpoints.journey_number

),

paths as (

    select
        * exclude (channel_steps, touchpoint_steps),
        regexp_replace(
            array_to_string(list_sort(channel_steps), ' > '), '(^| > )[0-9]{4}', '\1', 'g'
        ) as channel_path,
        regexp_replace(
            array_to_string(list_sort(touchpoint_steps), ' > '), '(^| > )[0-9]{4}', '\1', 'g'
        ) as touchpoint_path,
        case when touchpoint_count > {{ var('path_steps') }} then ' > (other)' else '' end
            as path_rest
    from journeys

),

reached as (

    select
        journey_id,
        arg_max(to_stage, transition_number) filter (where to_stage is not null) as last_stage,
        bool_or(to_stage = 'purchase') as has_purchase,
        bool_or(to_stage in ('repeat', 'advocacy')) as has_loyalty,
        bool_or(transition_type = 'lapse') as is_lapsed
    from transitions
    group by journey_id

),

money as (

    select
        journey_id,
        sum(paid_amount_reporting) as paid_amount_reporting
    from revenue_points
    group by journey_id

)

select
    journeys.journey_id,
    journeys.person_id,
    journeys.first_channel,
    journeys.last_channel,
    journeys.channel_path || journeys.path_rest as channel_path,
    journeys.touchpoint_path || journeys.path_rest as touchpoint_path,
    reached.last_stage,
    -- What came of the journey: lapsing says how it ended, not what it brought.
    case
        when reached.has_loyalty then 'loyal'
        when reached.has_purchase or reached.last_stage = 'use' then 'customer'
        when reached.last_stage is not null then 'prospect'
        else 'none'
    end as outcome,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    coalesce(money.paid_amount_reporting, 0)::decimal(18, 2) as paid_amount_reporting,
    journeys.journey_number::integer as journey_number,
    journeys.touchpoint_count::integer as touchpoint_count,
    {{ seconds_between('journeys.started_at', 'journeys.ended_at') }}::bigint as journey_seconds,
    not{{ is_known(
        "(journeys.ended_at + interval '" ~ var('journey_gap_days') ~ " days')"
    ) }} as is_open,
    journeys.started_at,
    journeys.ended_at
from paths as journeys
left join reached on journeys.journey_id = reached.journey_id
left join money on journeys.journey_id = money.journey_id
