-- Stripe knows payments, not orders: a payment is its own order, unless its metadata name one.
select
    order_id,
    coalesce(arg_min(contact_id, (created_date_utc, id)), 'unknown') as contact_id,
    min(created_date_utc) as ordered_at,
    money(sum(amount), min(currency_code)) as order_amount,
    min(currency_code) as currency_code,
    'paid' as status
from received
group by order_id
order by order_id
