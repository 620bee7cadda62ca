with sessions as (

    select * from {{ ref('int_sessions_aggregated') }}

),

hosts as (

    select
        *,
        nullif(
            regexp_extract(lower(page_referrer), '^[a-z]+://(?:www\.)?([^/:?#]+)', 1), ''
        ) as referrer_host,
        nullif(
            regexp_extract(lower(landing_page_url), '^[a-z]+://(?:www\.)?([^/:?#]+)', 1), ''
        ) as landing_host
    from sessions

),

-- A page of the same site sends nobody.
senders as (

    select
        *,
        nullif(referrer_host, landing_host) as sending_host
    from hosts

)

-- Campaign tags win; then an advertising click; then another site that sent the visitor.
select
    session_id,
    visitor_id,
    landing_page_url,
    exit_page_url,
    page_referrer,
    first_user_id,
    device_type,
    country_code,
    utm_campaign,
    case
        when campaign_event_number is not null then coalesce(utm_source, '(not set)')
        when click_id is not null then '(not set)'
        else coalesce(sending_host, '(direct)')
    end as traffic_source,
    case
        when campaign_event_number is not null then coalesce(utm_medium, '(not set)')
        when click_id is not null then 'cpc'
        when sending_host is not null then 'referral'
        else '(none)'
    end as traffic_medium,
    event_count,
    page_view_count,
    conversion_count,
    started_at,
    ended_at
from senders
