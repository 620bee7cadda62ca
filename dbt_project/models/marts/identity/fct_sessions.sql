{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with sessions as (

    select * from {{ ref('int_sessions_aggregated') }}
    where exclusion_reason is null and {{ is_touched_visitor('visitor_id') }}

),

traffic as (

    select * from {{ ref('int_traffic_matched_to_channels') }}

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}

),

visitors as (

    select * from identifiers
    where identifier_type = 'visitor' and {{ is_touched_visitor('identifier_value') }}

),

users as (

    select * from identifiers
    where identifier_type = 'user'

),

counted_events as (

    select * from {{ ref('int_web_events_matched_to_sessions') }}
    where is_conversion_event and {{ is_touched_visitor('visitor_id') }}

),

-- A shared device joins nobody: each of its sessions belongs to whoever logged in during it.
resolved as (

    select
        sessions.*,
        traffic.channel,
        case
            when visitors.is_shared_device then coalesce(users.person_id, visitors.person_id)
            else visitors.person_id
        end as person_id,
        row_number() over (
            partition by sessions.visitor_id order by sessions.started_at
        ) as visitor_session_number,
        row_number() over (
            partition by sessions.visitor_id, {{ business_date('sessions.started_at') }}
            order by sessions.started_at
        ) = 1 as is_first_of_day
    from sessions
    inner join traffic
        on
            sessions.traffic_source = traffic.traffic_source
            and sessions.traffic_medium = traffic.traffic_medium
            and sessions.utm_campaign is not distinct from traffic.utm_campaign
    left join visitors on sessions.visitor_id = visitors.identifier_value
    left join users on sessions.first_user_id = users.identifier_value

),

-- A page of thanks that is loaded again is no other conversion: of an order's the first counts.
first_events as (

    select counted_events.*
    from counted_events
    inner join resolved on counted_events.session_id = resolved.session_id
    where {{ is_touched_person('resolved.person_id') }}
    qualify
        counted_events.order_id is null
        or row_number() over (
            partition by
                coalesce(resolved.person_id, resolved.visitor_id),
                counted_events.event_name,
                counted_events.order_id
            order by counted_events.occurred_at, counted_events.event_id
        ) = 1

),

-- What the session's conversions were worth: one currency, or nothing that could be added up.
-- What a product in the cart is worth, nobody has paid.
session_values as (

    select
        session_id,
        count(*) as conversion_count,
        case
            when count(distinct currency_code) filter (where value_amount is not null) = 1
                then sum(value_amount)
        end as value_amount,
        case
            when count(distinct currency_code) filter (where value_amount is not null) = 1
                then max(currency_code) filter (where value_amount is not null)
        end as currency_code
    from first_events
    group by session_id

),

numbered as (

    select
        *,
        case
            when person_id is not null
                then row_number() over (partition by person_id order by started_at, session_id)
        end as person_session_number,
        max(case when channel != 'direct' then started_at end) over earlier_sessions
            as last_campaign_at,
        arg_max(channel, (started_at, session_id)) filter (where channel != 'direct')
            over earlier_sessions as last_campaign_channel
    from resolved
    where {{ is_touched_person('person_id') }}
    window
        earlier_sessions as (
            partition by coalesce(person_id, visitor_id)
            order by started_at, session_id
            rows between unbounded preceding and current row
        )

)

select
    numbered.session_id,
    numbered.person_id,
    numbered.visitor_id,
    numbered.channel,
    case
        when
            numbered.channel = 'direct'
            and numbered.last_campaign_at
            >= numbered.started_at - interval '{{ var("channel_lookback_days") }} days'
            then numbered.last_campaign_channel
        else numbered.channel
    end as last_non_direct_channel,
    numbered.traffic_source,
    numbered.traffic_medium,
    numbered.utm_campaign as campaign,
    numbered.landing_page_url,
    numbered.exit_page_url,
    numbered.page_referrer,
    coalesce(numbered.device_type, '(not set)') as device_type,
    numbered.country_code,
    session_values.currency_code,
    session_values.value_amount::decimal(18, 3) as value_amount,
    numbered.event_count::integer as event_count,
    numbered.page_view_count::integer as page_view_count,
    coalesce(session_values.conversion_count, 0)::integer as conversion_count,
    numbered.visitor_session_number::integer as visitor_session_number,
    numbered.person_session_number::integer as person_session_number,
    {{ seconds_between('numbered.started_at', 'numbered.ended_at') }}::bigint as session_seconds,
    numbered.engaged_seconds::bigint as engaged_seconds,
    (
        numbered.page_view_count >= {{ var('engaged_page_views') }}
        or {{ seconds_between('numbered.started_at', 'numbered.ended_at') }}
        >= {{ var('engaged_session_seconds') }}
        or coalesce(session_values.conversion_count, 0) > 0
    ) as is_engaged,
    numbered.is_first_of_day,
    {{ business_date('numbered.started_at') }} as session_date,
    {{ business_date('numbered.ended_at') }} as ended_date,
    numbered.started_at,
    numbered.ended_at
from numbered
left join session_values on numbered.session_id = session_values.session_id
