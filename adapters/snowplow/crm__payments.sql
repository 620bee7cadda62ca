select
    order_id || '-paid' as payment_id,
    order_id,
    occurred_at as paid_at,
    money(order_amount, order_currency) as payment_amount,
    order_currency as currency_code,
    'charge' as payment_type
from transactions
where order_amount > 0
union all
select
    described.event_id,
    described.order_id,
    described.occurred_at,
    money(
        amount(described.refund ->> '$.refund_amount'),
        upper(coalesce(described.refund ->> '$.currency', transactions.order_currency))
    ),
    upper(coalesce(described.refund ->> '$.currency', transactions.order_currency)),
    'refund'
from described
inner join transactions on described.order_id = transactions.order_id
where described.refund is not null
order by payment_id
