with source as (

    select
        rowid as event_row,
        *
    from {{ source('raw_web', 'events') }}

)

select
    event_row,
    _file_id as file_id,
    event_id,
    visitor_id,
    user_id,
    email as email_hash,
    event_name,
    page_url,
    page_referrer,
    -- A tracker that exports no campaign leaves it in the address of the page.
    {{ campaign_tag('utm_source') }} as utm_source,
    {{ campaign_tag('utm_medium') }} as utm_medium,
    {{ campaign_tag('utm_campaign') }} as utm_campaign,
    utm_content,
    utm_term,
    click_id,
    click_id_parameter,
    device_type,
    user_agent,
    country_code,
    order_id,
    currency_code,
    experiment_id,
    variant_id,
    properties,
    value_amount,
    {{ is_known('occurred_at') }} as is_known,
    {{ business_date('occurred_at') }} as occurred_date,
    occurred_at
from source
