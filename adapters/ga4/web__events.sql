-- One event per record of the export. GA4 gives no event id: it is made of everything that tells
-- events apart, and of their number where that is equal.
with records as (

    select
        json,
        _path,
        from_json(
            json -> '$.event_params',
            '[{"key": "VARCHAR", "value": {"string_value": "VARCHAR", "int_value": "VARCHAR", '
            || '"float_value": "VARCHAR", "double_value": "VARCHAR"}}]'
        ) as event_params
    from events

),

keyed as (

    select
        records.*,
        list_transform(records.event_params, lambda p: p.key) as keys
    from records

),

-- A parameter may be sent twice: the first counts.
once as (

    select
        json,
        _path,
        list_transform(
            list_filter(
                range(1, len(keys) + 1), lambda place: list_position(keys, keys[place]) = place
            ),
            lambda place: event_params[place]
        ) as event_params
    from keyed

),

parameters as (

    select
        once.json,
        once._path,
        map_from_entries(
            list_transform(
                once.event_params,
                lambda p: struct_pack(
                    k := p.key,
                    v := coalesce(
                        p.value.string_value, p.value.int_value, p.value.float_value,
                        p.value.double_value
                    )
                )
            )
        ) as params
    from once

),

named as (

    select
        json ->> '$.user_pseudo_id' as user_pseudo_id,
        json ->> '$.event_name' as event_name,
        (json ->> '$.event_timestamp')::bigint as event_timestamp,
        json ->> '$.user_id' as user_id,
        params['ga_session_id'] as ga_session_id,
        params['page_location'] as page_url,
        -- What the property lists as unwanted referrals, the tag marks.
        case
            when coalesce(lower(params['ignore_referrer']), '') != 'true'
                then params['page_referrer']
        end as page_referrer,
        coalesce(
            said(params['source']), said(json ->> '$.collected_traffic_source.manual_source')
        ) as source,
        coalesce(
            said(params['medium']), said(json ->> '$.collected_traffic_source.manual_medium')
        ) as medium,
        coalesce(
            said(params['campaign']),
            said(json ->> '$.collected_traffic_source.manual_campaign_name')
        ) as campaign,
        coalesce(params['content'], json ->> '$.collected_traffic_source.manual_content')
            as utm_content,
        coalesce(params['term'], json ->> '$.collected_traffic_source.manual_term') as utm_term,
        coalesce(said(params['gclid']), said(json ->> '$.collected_traffic_source.gclid'))
            as click_id,
        json -> '$.session_traffic_source_last_click' as last_click,
        json ->> '$.device.category' as device_type,
        -- What the tag marks as the company's own traffic or a developer's.
        coalesce(
            regexp_matches(params['traffic_type'], '^(internal|developer)', 'i')
            or lower(params['debug_mode']) in ('1', 'true'),
            false
        ) as is_internal,
        coalesce(
            said(json ->> '$.ecommerce.transaction_id'), said(params['transaction_id'])
        ) as order_id,
        -- The value is in the currency that the event names, the revenue in the property's where
        -- the event names none.
        case
            when currency_of(params['currency']) is not null
                then coalesce(
                    amount_if_any(params['value']),
                    amount_if_any(json ->> '$.ecommerce.purchase_revenue')
                )
            else coalesce(
                in_currency(
                    amount_if_any(json ->> '$.ecommerce.purchase_revenue'), params['currency']
                ),
                in_currency(amount_if_any(params['value']), params['currency'])
            )
        end as value_amount,
        currency_of(params['currency']) as currency_code,
        to_json(params)::varchar as properties,
        -- A table may be cut into numbered files.
        regexp_replace(_path, '[-_]?[0-9]{12}([.][a-z]+)*$', '') as table_name,
        case
            when contains(parse_filename(_path), 'intraday') then 3
            when contains(parse_filename(_path), 'fresh') then 2
            else 1
        end as table_rank
    from parameters

),

-- The tables of a day stand beside each other while it is written: of an event that is in several,
-- the finished one is read.
finished as (

    select *
    from named
    qualify
        rank() over (
            partition by user_pseudo_id, ga_session_id, event_name, event_timestamp
            order by table_rank
        ) = 1

),

-- Two equal events of one table are two events; those of another export of it are the same two.
numbered as (

    select
        *,
        row_number() over (
            partition by
                table_name, user_pseudo_id, ga_session_id, event_name, event_timestamp, properties
            order by user_id, click_id, order_id, last_click::varchar
        ) as copy_number
    from finished

),

counted as (

    select
        *,
        -- What the last click of the session says holds where the event says nothing.
        coalesce(source, medium, campaign) is null as is_silent
    from numbered
    qualify
        row_number() over (
            partition by
                user_pseudo_id, ga_session_id, event_name, event_timestamp, properties, copy_number
            order by file_order(table_name) desc
        ) = 1

),

sourced as (

    select
        * exclude (source, medium, campaign, last_click),
        case
            when not is_silent then source
            else coalesce(
                said(last_click ->> '$.cross_channel_campaign.source'),
                said(last_click ->> '$.manual_campaign.source'),
                case
                    when said(last_click ->> '$.google_ads_campaign.campaign_name') is not null
                        then 'google'
                end
            )
        end as source,
        case
            when not is_silent then medium
            else coalesce(
                said(last_click ->> '$.cross_channel_campaign.medium'),
                said(last_click ->> '$.manual_campaign.medium'),
                case
                    when said(last_click ->> '$.google_ads_campaign.campaign_name') is not null
                        then 'cpc'
                end
            )
        end as medium,
        case
            when not is_silent then campaign
            else coalesce(
                said(last_click ->> '$.google_ads_campaign.campaign_name'),
                said(last_click ->> '$.cross_channel_campaign.campaign_name'),
                said(last_click ->> '$.manual_campaign.campaign_name')
            )
        end as campaign
    from counted

)

select
    md5(
        concat_ws(
            '|', coalesce(user_pseudo_id, ''), coalesce(ga_session_id, ''), event_name,
            event_timestamp, properties, copy_number
        )
    ) as event_id,
    make_timestamp(event_timestamp) at time zone 'UTC' as occurred_at,
    -- Without consent GA4 sends no client: such events are counted and, without a login, belong to
    -- nobody.
    case when is_internal then 'internal-' else '' end || visitor_of(user_pseudo_id, user_id)
        as visitor_id,
    event_name,
    user_id,
    page_url,
    page_referrer,
    -- `(direct)`, `(none)`, `(organic)` … are GA4's words for nothing.
    case when not starts_with(source, '(') then source end as utm_source,
    case when not starts_with(medium, '(') then medium end as utm_medium,
    case when not starts_with(campaign, '(') then campaign end as utm_campaign,
    utm_content,
    utm_term,
    click_id,
    case when click_id is not null then 'gclid' end as click_id_parameter,
    device_type,
    order_id,
    money(value_amount, currency_code) as value_amount,
    currency_code,
    properties
from sourced
order by event_id
