-- The first row of an order carries its totals.
select
    name as order_id,
    case
        when email is not null or phone is not null then 'shopify-' || name
        else 'unknown'
    end as contact_id,
    created_at as ordered_at,
    money(total, currency) as order_amount,
    currency as currency_code,
    case when cancelled_at is not null then 'cancelled' else financial_status end as status,
    fulfilled_at as delivered_at
from lines
where total is not null
order by order_id
