with sessionized_events as (

    select * from {{ ref('int_web_events_sessionized') }}

),

events as (

    select * from {{ ref('int_web_events_classified') }}
    where exclusion_reason is null

),

significant_events as (

    select * from {{ ref('significant_events') }}

),

session_events as (

    select
        events.*,
        sessionized_events.session_id,
        sessionized_events.event_number,
        coalesce(significant_events.is_conversion, false) as is_conversion
    from sessionized_events
    inner join events on sessionized_events.event_id = events.event_id
    left join significant_events on events.event_name = significant_events.event_name

),

aggregated as (

    select
        session_id,
        visitor_id,
        -- Attributes of the first event that has them: the campaign of a visit is told once.
        arg_min(page_url, event_number) filter (where page_url is not null) as landing_page_url,
        arg_max(page_url, event_number) filter (where page_url is not null) as exit_page_url,
        arg_min(page_referrer, event_number) filter (where page_referrer is not null)
            as page_referrer,
        min(event_number) filter (
            where coalesce(utm_source, utm_medium, utm_campaign) is not null
        ) as campaign_event_number,
        arg_min(user_id, event_number) filter (where user_id is not null) as first_user_id,
        arg_min(device_type, event_number) filter (where device_type is not null) as device_type,
        arg_min(country_code, event_number) filter (where country_code is not null)
            as country_code,
        arg_min(click_id, event_number) filter (where click_id is not null) as click_id,
        count(*)::integer as event_count,
        (count(*) filter (where event_name = 'page_view'))::integer as page_view_count,
        (count(*) filter (where is_conversion))::integer as conversion_count,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from session_events
    group by session_id, visitor_id

)

select
    aggregated.*,
    campaign_events.utm_source,
    campaign_events.utm_medium,
    campaign_events.utm_campaign
from aggregated
left join session_events as campaign_events
    on
        aggregated.session_id = campaign_events.session_id
        and aggregated.campaign_event_number = campaign_events.event_number
