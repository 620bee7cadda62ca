-- Stripe knows payments, not orders: a payment is its own order, unless its metadata name one.
select
    coalesce(order_id_metadata, id) as order_id,
    coalesce(min(customer_id), 'unknown') as contact_id,
    min(created_date_utc) as ordered_at,
    money(sum(amount), min(currency)) as order_amount,
    upper(min(currency)) as currency_code,
    'paid' as status
from payments
where status in ('Paid', 'Refunded', 'Partially Refunded', 'Disputed', 'succeeded')
group by coalesce(order_id_metadata, id)
order by order_id
