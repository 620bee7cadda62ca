select
    order_id,
    case
        when coalesce(device_id, user_id, user_email) is not null then 'snowplow-' || order_id
        else 'unknown'
    end as contact_id,
    occurred_at as ordered_at,
    money(order_amount, order_currency) as order_amount,
    order_currency as currency_code,
    'paid' as status
from transactions
order by order_id
