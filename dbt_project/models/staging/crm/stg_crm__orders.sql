with source as (

    select * from {{ source('raw_crm', 'orders') }}

),

newest as (

    select *
    from source
    qualify {{ is_newest_version(['order_id'], 'updated_at') }}

)

select
    order_id,
    contact_id,
    subscription_id,
    currency_code,
    lower(status) as order_status,
    coalesce(order_type, 'one_off') as order_type,
    lower(order_channel) as order_channel,
    store,
    -- Whoever types a code types it in whatever capitals.
    lower(coupon_code) as coupon_code,
    order_amount,
    {{ is_known('ordered_at') }} as is_known,
    ordered_at,
    {{ known_at('billed_at') }} as billed_at,
    {{ known_at('delivered_at') }} as delivered_at
from newest
