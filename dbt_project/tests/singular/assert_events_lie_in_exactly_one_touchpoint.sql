with assigned as (

    select * from {{ ref('int_web_events_assigned_to_touchpoints') }}

),

raw_events as (

    select * from {{ ref('stg_web__events') }}

),

touchpoints as (

    select * from {{ ref('fct_touchpoints') }}

)

select
    raw_events.event_id,
    count(assigned.event_id) as assigned_count
from raw_events
left join assigned on raw_events.event_id = assigned.event_id
left join touchpoints on assigned.touchpoint_id = touchpoints.touchpoint_id
group by raw_events.event_id
having
    count(assigned.event_id) != 1
    or count(touchpoints.touchpoint_id) + count(assigned.exclusion_reason) != 1
