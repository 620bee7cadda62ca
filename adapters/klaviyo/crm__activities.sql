-- What was sent, opened, clicked and ended. Opens by a machine and clicks by a bot are no acts of a
-- person. What shops report to Klaviyo (orders, carts) comes from the shop.
with pages as (

    select
        coalesce(from_json(json -> '$.data', '["JSON"]'), [json]) as events,
        from_json(json -> '$.included', '["JSON"]') as included
    from event_pages

),

beside as (

    select unnest(included) as record
    from pages

),

metrics as (

    select distinct
        record ->> '$.id' as metric_id,
        record ->> '$.attributes.name' as metric_name
    from beside
    where (record ->> '$.type') = 'metric'

),

events as (

    select unnest(events) as event
    from pages

),

named as (

    select
        coalesce(events.event ->> '$.attributes.uuid', events.event ->> '$.id') as event_id,
        events.event ->> '$.relationships.profile.data.id' as profile_id,
        instant(
            coalesce(
                events.event ->> '$.attributes.datetime', events.event ->> '$.attributes.timestamp'
            )
        ) as occurred_at,
        coalesce(metrics.metric_name, error('the name of a metric is missing')) as metric_name,
        events.event -> '$.attributes.event_properties' as properties
    from events
    left join metrics
        on (events.event ->> '$.relationships.metric.data.id') = metrics.metric_id

)

select
    'klaviyo-' || event_id as activity_id,
    profile_id as contact_id,
    occurred_at,
    case metric_name
        when 'Received Email' then 'email_sent'
        when 'Opened Email' then 'email_open'
        when 'Clicked Email' then 'email_click'
        when 'Received SMS' then 'sms_sent'
        when 'Clicked SMS' then 'sms_click'
        else 'email_unsubscribed'
    end as activity_type,
    case when metric_name like 'Received %' then 'outbound' else 'inbound' end as direction,
    case when metric_name like '% SMS' then 'sms' else 'email' end as channel,
    coalesce(properties ->> '$."Campaign Name"', properties ->> '$.Subject') as campaign
from named
where
    metric_name in (
        'Received Email', 'Opened Email', 'Clicked Email', 'Received SMS', 'Clicked SMS',
        'Unsubscribed', 'Unsubscribed from Email Marketing'
    )
    and not coalesce(flag(properties ->> '$.machine_open'), false)
    and not coalesce(flag(properties ->> '$."Apple Privacy Open"'), false)
    and not coalesce(flag(properties ->> '$."Bot Click"'), false)
qualify row_number() over (partition by event_id order by occurred_at) = 1
order by activity_id
