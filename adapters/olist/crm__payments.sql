-- Olist tells when the payment of an order was approved, not when each payment was made; where the
-- approval is missing the payment stands at the purchase. Every payment is a charge, also of 0.
select
    payments.order_id || '-' || payments.payment_sequential as payment_id,
    payments.order_id,
    instant(coalesce(orders.order_approved_at, orders.order_purchase_timestamp)) as paid_at,
    payments.payment_value as payment_amount,
    'BRL' as currency_code,
    'charge' as payment_type
from payments
inner join orders on payments.order_id = orders.order_id
order by payment_id
