select
    name || '-paid' as payment_id,
    name as order_id,
    paid_at,
    money(total, currency) as payment_amount,
    currency as currency_code,
    'charge' as payment_type
from lines
where total is not null and paid_at is not null
union all
select
    name || '-refunded',
    name,
    coalesce(cancelled_at, paid_at),
    money(refunded_amount, currency),
    currency,
    'refund'
from lines
where total is not null and paid_at is not null and refunded_amount > 0
order by payment_id
