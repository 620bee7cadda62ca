with sessions as (

    select * from {{ ref('int_sessions_resolved_to_persons') }}

),

events as (

    select * from {{ ref('int_web_events_classified') }}
    where exclusion_reason is null

),

sessionized_events as (

    select * from {{ ref('int_web_events_sessionized') }}

),

-- What the session's events were worth: one currency, or nothing that could be added up.
session_values as (

    select
        sessionized_events.session_id,
        case when count(distinct events.currency_code) = 1 then sum(events.value_amount) end
            as value_amount,
        case when count(distinct events.currency_code) = 1 then max(events.currency_code) end
            as currency_code
    from sessionized_events
    inner join events on sessionized_events.event_id = events.event_id
    where events.value_amount is not null
    group by sessionized_events.session_id

)

select
    sessions.session_id,
    sessions.person_id,
    sessions.visitor_id,
    sessions.channel,
    sessions.last_non_direct_channel,
    sessions.traffic_source,
    sessions.traffic_medium,
    sessions.utm_campaign as campaign,
    sessions.landing_page_url,
    sessions.exit_page_url,
    sessions.page_referrer,
    coalesce(sessions.device_type, '(not set)') as device_type,
    sessions.country_code,
    session_values.currency_code,
    session_values.value_amount::decimal(18, 2) as value_amount,
    sessions.event_count::integer as event_count,
    sessions.page_view_count::integer as page_view_count,
    sessions.conversion_count::integer as conversion_count,
    sessions.visitor_session_number::integer as visitor_session_number,
    sessions.person_session_number::integer as person_session_number,
    {{ seconds_between('sessions.started_at', 'sessions.ended_at') }}::bigint as session_seconds,
    (
        sessions.page_view_count >= {{ var('engaged_page_views') }}
        or {{ seconds_between('sessions.started_at', 'sessions.ended_at') }}
        >= {{ var('engaged_seconds') }}
        or sessions.conversion_count > 0
    ) as is_engaged,
    {{ business_date('sessions.started_at') }} as session_date,
    sessions.started_at,
    sessions.ended_at
from sessions
left join session_values on sessions.session_id = session_values.session_id
