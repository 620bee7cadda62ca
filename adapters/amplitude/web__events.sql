-- One event per record. `event_time` is the client's time corrected by the server's clock, in UTC.
-- Only what the event itself says of its campaign is read: user properties keep the last campaign.
with events_read as (

    select
        coalesce(json ->> '$.uuid', json ->> '$."$insert_id"') as event_id,
        json ->> '$.event_time' as event_time,
        json ->> '$.device_id' as device_id,
        json ->> '$.user_id' as user_id,
        json ->> '$.event_type' as event_type,
        json ->> '$.device_type' as device,
        json ->> '$.user_properties.email' as email,
        json -> '$.event_properties' as properties
    from events

),

named as (

    select
        event_id,
        instant(event_time) as occurred_at,
        visitor_of(device_id, user_id) as visitor_id,
        case event_type
            when '[Amplitude] Page Viewed' then 'page_view'
            when '[Amplitude] File Downloaded' then 'file_download'
            when '$identify' then 'identify'
            else event_of(event_type)
        end as event_name,
        user_id,
        email,
        coalesce(
            properties ->> '$."[Amplitude] Page Location"',
            properties ->> '$."[Amplitude] Page URL"'
        ) as page_url,
        nullif(properties ->> '$.referrer', 'EMPTY') as page_referrer,
        nullif(properties ->> '$.utm_source', 'EMPTY') as utm_source,
        nullif(properties ->> '$.utm_medium', 'EMPTY') as utm_medium,
        nullif(properties ->> '$.utm_campaign', 'EMPTY') as utm_campaign,
        nullif(properties ->> '$.utm_content', 'EMPTY') as utm_content,
        nullif(properties ->> '$.utm_term', 'EMPTY') as utm_term,
        click_of(properties).id as click_id,
        click_of(properties).parameter as click_id_parameter,
        case
            when regexp_matches(device, '(?i)ipad|tablet') then 'tablet'
            when regexp_matches(device, '(?i)iphone|ipod|android|phone') then 'mobile'
            when device in ('Windows', 'Mac', 'Linux', 'Chromebook') then 'desktop'
        end as device_type,
        properties ->> '$.order_id' as order_id,
        coalesce(
            amount_if_any(properties ->> '$."$revenue"'),
            amount_if_any(properties ->> '$."$price"')
            * coalesce(try_cast(properties ->> '$."$quantity"' as integer), 1),
            in_currency(value_of(properties), properties ->> '$.currency')
        ) as value_amount,
        coalesce(
            currency_of(properties ->> '$."$currency"'), currency_of(properties ->> '$.currency')
        ) as currency_code,
        -- What Amplitude adds itself stands in columns of its own, or is of no use here.
        properties_without(properties, '^(\$|utm_|\[Amplitude\]|referr(er|ing_domain)$)')
            as properties
    from events_read

)

select * replace (money(value_amount, currency_code) as value_amount)
from named
order by event_id
