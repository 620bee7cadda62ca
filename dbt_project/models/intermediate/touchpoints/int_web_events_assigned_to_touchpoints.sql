with events as (

    select * from {{ ref('int_web_events_classified') }}

),

sessionized_events as (

    select * from {{ ref('int_web_events_sessionized') }}

),

significant_events as (

    select * from {{ ref('significant_events') }}

)

-- A significant event is its own touchpoint, any other is part of its session's.
select
    events.event_id,
    sessionized_events.session_id,
    case
        when events.exclusion_reason is not null then null
        when significant_events.event_name is not null
            then {{ surrogate_key(["'web_event'", 'events.event_id']) }}
        else {{ surrogate_key(["'web_session'", 'sessionized_events.session_id']) }}
    end as touchpoint_id,
    events.exclusion_reason
from events
left join sessionized_events on events.event_id = sessionized_events.event_id
left join significant_events on events.event_name = significant_events.event_name
