with purchase_types as (

    select * from {{ ref('conversion_types') }}
    where conversion_type = 'web_purchase'

),

events as (

    select web_events.*
    from {{ ref('int_web_events_matched_to_sessions') }} as web_events
    inner join purchase_types
        on {{ matches('web_events.event_name', 'purchase_types.name_pattern') }}
    where web_events.order_id is not null

),

sessions as (

    select * from {{ ref('int_sessions_aggregated') }}

),

traffic as (

    select * from {{ ref('int_traffic_matched_to_channels') }}

)

-- An order placed on the web came through the channel of the visit in which it was placed. Another
-- event of an order (a refund, a look at its delivery) does not say where it was placed.
select
    events.order_id,
    arg_min(sessions.session_id, (events.occurred_at, events.event_id)) as session_id,
    arg_min(traffic.channel, (events.occurred_at, events.event_id)) as channel
from events
inner join sessions on events.session_id = sessions.session_id
inner join traffic
    on
        sessions.traffic_source = traffic.traffic_source
        and sessions.traffic_medium = traffic.traffic_medium
        and sessions.utm_campaign is not distinct from traffic.utm_campaign
group by events.order_id
