select
    name || '-paid' as payment_id,
    name as order_id,
    coalesce(paid_at, created_at) as paid_at,
    money(charged_amount, currency) as payment_amount,
    currency as currency_code,
    'charge' as payment_type,
    updated_at
from sold_orders
where charged_amount > 0
union all
select
    name || '-refunded',
    name,
    coalesce(cancelled_at, paid_at, created_at),
    money(least(refunded_amount, charged_amount), currency),
    currency,
    'refund',
    updated_at
from sold_orders
where charged_amount > 0 and refunded_amount > 0
order by payment_id
