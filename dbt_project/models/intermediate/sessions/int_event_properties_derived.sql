{{ config(materialized='view') }}  -- readers take the few properties that they need

with events as (

    select
        event_id,
        properties,
        occurred_at
    from {{ ref('stg_web__events') }}
    where is_known and properties is not null

),

event_properties as (

    select * from {{ ref('event_properties') }}

),

told as (

    select
        events.event_id,
        event_properties.event_property,
        json_extract_string(
            events.properties, '$."' || event_properties.event_property || '"'
        ) as property_value,
        events.occurred_at
    from events
    cross join event_properties

)

select *
from told
where property_value is not null
