with orders as (

    select * from {{ ref('stg_crm__orders') }}
    where is_known

),

payments as (

    select * from {{ ref('stg_crm__payments') }}
    where is_known

),

-- What is left of an order's money, by currency: refunds and chargebacks carry their minus.
settled as (

    select
        order_id,
        currency_code,
        sum(paid_amount) as left_amount,
        min(paid_at) filter (where payment_type = 'charge' and paid_amount > 0) as first_paid_at
    from payments
    group by order_id, currency_code

),

-- An order is paid once any charge of more than nothing arrived for it, and as long as some of it
-- is not given back.
charges as (

    select
        order_id,
        min(first_paid_at) as first_paid_at,
        bool_or(first_paid_at is not null and left_amount > 0) as is_paid
    from settled
    group by order_id

)

select
    orders.*,
    coalesce(charges.is_paid, false) as is_paid,
    charges.first_paid_at
from orders
left join charges on orders.order_id = charges.order_id
