-- The derived time corrects the device's clock; the collector's is the fallback.
select
    event_id,
    coalesce(derived_tstamp, collector_tstamp) as occurred_at,
    coalesce(domain_userid, '(not set)') as visitor_id,
    case
        when event = 'struct' then coalesce(se_action, 'struct')
        else coalesce(event_name, event)
    end as event_name,
    user_id,
    page_url,
    page_referrer,
    mkt_source as utm_source,
    mkt_medium as utm_medium,
    mkt_campaign as utm_campaign,
    mkt_content as utm_content,
    mkt_term as utm_term,
    mkt_clickid as click_id,
    useragent as user_agent,
    geo_country as country_code,
    tr_orderid as order_id,
    money(tr_total, tr_currency) as value_amount,
    tr_currency as currency_code,
    case
        when event = 'struct' then json_object(
            'category', se_category, 'label', se_label, 'property', se_property, 'value', se_value
        )::varchar
    end as properties
from events
order by event_id, occurred_at, collector_tstamp
