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

)

-- Campaign tags win; then an advertising click; then another site that sent the visitor.
select
    * exclude (campaign_event_number, click_id, landing_host, referrer_host),
    case
        when campaign_event_number is not null then coalesce(utm_source, '(not set)')
        when click_id is not null then '(not set)'
        when referrer_host is distinct from landing_host
            then coalesce(referrer_host, '(direct)')
        else '(direct)'
    end as traffic_source,
    case
        when campaign_event_number is not null then coalesce(utm_medium, '(not set)')
        when click_id is not null then 'cpc'
        when referrer_host is distinct from landing_host and referrer_host is not null
            then 'referral'
        else '(none)'
    end as traffic_medium
from hosts
