-- The derived time corrects the device's clock; the collector's is the fallback.
with named as (

    select
        *,
        case
            when event = 'struct' then coalesce(se_action, 'struct')
            when event = 'transaction' or action = 'transaction' then 'purchase'
            when action = 'product_view' then 'view_item'
            when action = 'list_view' then 'view_item_list'
            when action = 'list_click' then 'select_item'
            when action = 'promo_view' then 'view_promotion'
            when action = 'promo_click' then 'select_promotion'
            else coalesce(action, event_name, event)
        end as name
    from described
    union all by name
    select
        *,
        coalesce(derived_tstamp, collector_tstamp) as occurred_at,
        domain_userid as device_id,
        1 as copy_count,
        case
            when event = 'struct' then coalesce(se_action, 'struct')
            else coalesce(event_name, event)
        end as name
    from events
    where event_id is null

)

select
    event_id,
    occurred_at,
    visitor_of(device_id, user_id) as visitor_id,
    name as event_name,
    user_id,
    user_email as email,
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
    order_id,
    money(order_amount, order_currency) as value_amount,
    order_currency as currency_code,
    case
        when event = 'struct' then json_object(
            'category', se_category, 'label', se_label, 'property', se_property, 'value', se_value
        )::varchar
    end as properties
from named
cross join unnest(range(copy_count)) as copies (copy_number)
order by event_id, occurred_at, collector_tstamp
