{{ config(materialized='view') }}  -- a copy of all events would cost more than the few that move

with web_events as (

    select * from {{ ref('stg_web__events') }}

),

deviceless as (

    select * from {{ ref('int_deviceless_events_matched') }}
    where visitor_id is not null

)

select
    web_events.event_row,
    web_events.file_id,
    web_events.event_id,
    coalesce(deviceless.visitor_id, web_events.visitor_id) as visitor_id,
    web_events.user_id,
    web_events.email_hash,
    web_events.event_name,
    web_events.page_url,
    web_events.page_referrer,
    web_events.utm_source,
    web_events.utm_medium,
    web_events.utm_campaign,
    web_events.utm_content,
    web_events.utm_term,
    web_events.click_id,
    web_events.click_id_parameter,
    web_events.device_type,
    web_events.user_agent,
    web_events.country_code,
    web_events.order_id,
    web_events.currency_code,
    web_events.experiment_id,
    web_events.variant_id,
    web_events.properties,
    web_events.value_amount,
    web_events.is_known,
    web_events.occurred_date,
    web_events.occurred_at
from web_events
left join deviceless on web_events.event_id = deviceless.event_id
