-- One event per record. Mixpanel tells events apart by name, second and insert id; the distinct id
-- is left out of the key: it changes when two of Mixpanel's profiles are merged.
with events_read as (

    select
        json ->> '$.event' as event,
        json ->> '$.properties."$insert_id"' as insert_id,
        -- Seconds, or milliseconds from some importers.
        instant(json ->> '$.properties.time') as occurred_at,
        regexp_replace(json ->> '$.properties.distinct_id', '^\$device:', '') as distinct_id,
        starts_with(json ->> '$.properties.distinct_id', '$device:') as is_device,
        regexp_replace(
            coalesce(
                json ->> '$.properties."$device_id"',
                json ->> '$.properties."$anon_distinct_id"',
                json ->> '$.properties."$anon_id"'
            ),
            '^\$device:', ''
        ) as device_id,
        coalesce(
            json ->> '$.properties."$user_id"', json ->> '$.properties."$identified_id"'
        ) as user_id,
        -- What a server sends has no device: its distinct id is the login.
        coalesce(
            (json ->> '$.properties.mp_lib')
            not in ('python', 'node', 'ruby', 'java', 'php', 'go', 'dotnet', 'http'),
            false
        ) as is_client,
        json -> '$.properties' as properties
    from events

)

select
    md5(
        concat_ws(
            '|', event, epoch(occurred_at)::bigint,
            coalesce(insert_id, concat_ws('|', distinct_id, properties ->> '$."$current_url"'))
        )
    ) as event_id,
    occurred_at,
    visitor_of(
        coalesce(device_id, case when is_client or is_device then distinct_id end),
        coalesce(user_id, distinct_id)
    ) as visitor_id,
    case event
        when '$mp_web_page_view' then 'page_view'
        when '$identify' then 'identify'
        else event_of(event)
    end as event_name,
    coalesce(
        user_id,
        case when device_id is null and not is_client and not is_device then distinct_id end
    ) as user_id,
    properties ->> '$."$email"' as email,
    properties ->> '$."$current_url"' as page_url,
    nullif(properties ->> '$."$referrer"', '$direct') as page_referrer,
    properties ->> '$.utm_source' as utm_source,
    properties ->> '$.utm_medium' as utm_medium,
    properties ->> '$.utm_campaign' as utm_campaign,
    properties ->> '$.utm_content' as utm_content,
    properties ->> '$.utm_term' as utm_term,
    click_of(properties).id as click_id,
    click_of(properties).parameter as click_id_parameter,
    case
        when (properties ->> '$."$device"') ilike '%ipad%' then 'tablet'
        when regexp_matches(properties ->> '$."$os"', '^(Windows|Mac|Linux|Chrome)') then 'desktop'
        when regexp_matches(properties ->> '$."$os"', '^(iOS|iPhone|Android)') then 'mobile'
    end as device_type,
    properties ->> '$.mp_country_code' as country_code,
    properties ->> '$.order_id' as order_id,
    money(
        in_currency(value_of(properties), properties ->> '$.currency'),
        properties ->> '$.currency'
    ) as value_amount,
    currency_of(properties ->> '$.currency') as currency_code,
    -- Mixpanel's own properties are left out: some change from export to export.
    properties_without(properties, '^(\$|mp_|utm_|time$|distinct_id$)') as properties
from events_read
order by event_id
