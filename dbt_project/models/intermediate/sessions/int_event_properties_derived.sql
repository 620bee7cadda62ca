{{ config(materialized='view') }}  -- readers take the few properties that they need

with events as (

    select
        event_id,
        properties::varchar as properties,
        occurred_at
    from {{ ref('stg_web__events') }}
    where is_known and properties is not null

),

event_properties as (

    select
        event_property,
        '"' || event_property || '"' as quoted_property
    from {{ ref('event_properties') }}

),

-- To look for the key costs little; only where it stands is the rest done.
named as (

    select
        events.event_id,
        event_properties.event_property,
        events.properties,
        event_properties.quoted_property,
        events.occurred_at
    from events
    inner join event_properties
        on contains(events.properties, event_properties.quoted_property)

),

told as (

    select
        event_id,
        event_property,
        split_part(regexp_replace(properties, '" *: *', '":', 'g'), quoted_property || ':', 2)
            as told_from_there,
        occurred_at
    from named

)

-- A text up to its quotation mark, or a number or flag up to what ends it.
select
    event_id,
    event_property,
    case
        when starts_with(told_from_there, '"') then split_part(told_from_there, '"', 2)
        else regexp_extract(told_from_there, '^([^,}]+)', 1)
    end as property_value,
    occurred_at
from told
where told_from_there != '' and not starts_with(told_from_there, 'null')
