-- Contracted is what the items and their freight cost; an order without items contracted what was
-- paid for it. Olist tells no billing time.
with item_totals as (
    select
        order_items.order_id,
        sum(order_items.price::decimal(18, 2) + order_items.freight_value::decimal(18, 2))
            as order_amount
    from order_items
    group by order_items.order_id
),

payment_totals as (
    select
        payments.order_id,
        sum(payments.payment_value::decimal(18, 2)) as order_amount
    from payments
    group by payments.order_id
)

select
    orders.order_id,
    customers.customer_unique_id as contact_id,
    instant(orders.order_purchase_timestamp) as ordered_at,
    coalesce(item_totals.order_amount, payment_totals.order_amount)::varchar as order_amount,
    'BRL' as currency_code,
    orders.order_status as status,
    'one_off' as order_type,
    instant(orders.order_delivered_customer_date) as delivered_at
from orders
inner join customers on orders.customer_id = customers.customer_id
left join item_totals on orders.order_id = item_totals.order_id
left join payment_totals on orders.order_id = payment_totals.order_id
order by orders.order_id
