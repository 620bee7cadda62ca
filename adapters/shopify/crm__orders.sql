select
    name as order_id,
    case
        when email is not null or phone is not null then 'shopify-' || name
        else 'unknown'
    end as contact_id,
    created_at as ordered_at,
    money(sold_amount, currency) as order_amount,
    currency as currency_code,
    case when cancelled_at is not null then 'cancelled' else payment_status end as status,
    fulfilled_at as delivered_at,
    source as order_channel,
    -- Only a till stands in a store.
    case when lower(source) = 'pos' then location end as store,
    discount_code as coupon_code,
    updated_at
from sold_orders
order by order_id
