-- `timestamp` is the time corrected for the clock of the device.
with unioned as (

    select
        id as event_id,
        timestamp as occurred_at,
        visitor_of(anonymous_id, user_id) as visitor_id,
        'page_view' as event_name,
        user_id,
        null as email,
        case
            when contains(coalesce(context_page_url, url), '?') then coalesce(context_page_url, url)
            else coalesce(context_page_url, url) || coalesce(context_page_search, search, '')
        end as page_url,
        coalesce(context_page_referrer, referrer) as page_referrer,
        context_campaign_source as utm_source,
        context_campaign_medium as utm_medium,
        context_campaign_name as utm_campaign,
        context_campaign_content as utm_content,
        context_campaign_term as utm_term,
        gclid as click_id,
        case when gclid is not null then 'gclid' end as click_id_parameter,
        context_user_agent as user_agent,
        null as order_id,
        null as value_amount,
        null as currency_code
    from pages
    union all
    select
        id as event_id,
        timestamp as occurred_at,
        visitor_of(anonymous_id, user_id) as visitor_id,
        event_of(event) as event_name,
        user_id,
        null as email,
        case
            when contains(context_page_url, '?') then context_page_url
            else context_page_url || coalesce(context_page_search, '')
        end as page_url,
        context_page_referrer as page_referrer,
        context_campaign_source as utm_source,
        context_campaign_medium as utm_medium,
        context_campaign_name as utm_campaign,
        context_campaign_content as utm_content,
        context_campaign_term as utm_term,
        gclid as click_id,
        case when gclid is not null then 'gclid' end as click_id_parameter,
        context_user_agent as user_agent,
        order_id,
        money(
            in_currency(
                coalesce(revenue, amount_if_any(total), amount_if_any(value)), currency
            ),
            currency_of(currency)
        ) as value_amount,
        currency_of(currency) as currency_code
    from tracks
    union all
    select
        id as event_id,
        timestamp as occurred_at,
        visitor_of(anonymous_id, user_id) as visitor_id,
        'identify' as event_name,
        user_id,
        email,
        null as page_url,
        null as page_referrer,
        null as utm_source,
        null as utm_medium,
        null as utm_campaign,
        null as utm_content,
        null as utm_term,
        null as click_id,
        null as click_id_parameter,
        context_user_agent as user_agent,
        null as order_id,
        null as value_amount,
        null as currency_code
    from identifies

)

select *
from unioned
order by event_id
