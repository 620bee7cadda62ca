-- One event per record of the export. GA4 gives no event id: it is made of everything that tells
-- events apart, and of their number where that is equal.
with records as (

    select
        json,
        from_json(
            json -> '$.event_params',
            '[{"key": "VARCHAR", "value": {"string_value": "VARCHAR", "int_value": "VARCHAR", '
            || '"float_value": "VARCHAR", "double_value": "VARCHAR"}}]'
        ) as event_params
    from events

),

parameters as (

    select
        records.json,
        map_from_entries(
            list_transform(
                records.event_params,
                lambda p: struct_pack(
                    k := p.key,
                    v := coalesce(
                        p.value.string_value, p.value.int_value, p.value.float_value,
                        p.value.double_value
                    )
                )
            )
        ) as params
    from records

),

named as (

    select
        json ->> '$.user_pseudo_id' as user_pseudo_id,
        json ->> '$.event_name' as event_name,
        (json ->> '$.event_timestamp')::bigint as event_timestamp,
        json ->> '$.user_id' as user_id,
        params['ga_session_id'] as ga_session_id,
        params['page_location'] as page_url,
        params['page_referrer'] as page_referrer,
        coalesce(params['source'], json ->> '$.collected_traffic_source.manual_source')
            as utm_source,
        coalesce(params['medium'], json ->> '$.collected_traffic_source.manual_medium')
            as utm_medium,
        coalesce(params['campaign'], json ->> '$.collected_traffic_source.manual_campaign_name')
            as utm_campaign,
        coalesce(params['content'], json ->> '$.collected_traffic_source.manual_content')
            as utm_content,
        coalesce(params['term'], json ->> '$.collected_traffic_source.manual_term') as utm_term,
        coalesce(params['gclid'], json ->> '$.collected_traffic_source.gclid') as click_id,
        json ->> '$.device.category' as device_type,
        coalesce(json ->> '$.ecommerce.transaction_id', params['transaction_id']) as order_id,
        coalesce(json ->> '$.ecommerce.purchase_revenue', params['value']) as value_amount,
        params['currency'] as currency_code,
        to_json(params)::varchar as properties
    from parameters

),

numbered as (

    select
        *,
        row_number() over (
            partition by user_pseudo_id, ga_session_id, event_name, event_timestamp, properties
            order by user_id, click_id, order_id
        ) as copy_number
    from named

)

select
    md5(
        concat_ws(
            '|', coalesce(user_pseudo_id, ''), coalesce(ga_session_id, ''), event_name,
            event_timestamp, properties, copy_number
        )
    ) as event_id,
    make_timestamp(event_timestamp) at time zone 'UTC' as occurred_at,
    -- Without consent GA4 sends no client: such events are counted and belong to nobody.
    coalesce(user_pseudo_id, '(not set)') as visitor_id,
    event_name,
    user_id,
    page_url,
    page_referrer,
    nullif(utm_source, '(direct)') as utm_source,
    nullif(utm_medium, '(none)') as utm_medium,
    nullif(utm_campaign, '(not set)') as utm_campaign,
    utm_content,
    utm_term,
    click_id,
    device_type,
    nullif(order_id, '(not set)') as order_id,
    money(amount(value_amount), currency_code) as value_amount,
    currency_code,
    properties
from numbered
order by event_id
