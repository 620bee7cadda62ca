with orders as (

    select * from {{ ref('stg_crm__orders') }}
    where is_known

),

payments as (

    select * from {{ ref('stg_crm__payments') }}
    where is_known

),

-- An order is paid once any charge of more than nothing arrived for it.
charges as (

    select
        order_id,
        min(paid_at) filter (where paid_amount > 0) as first_paid_at
    from payments
    where payment_type = 'charge'
    group by order_id

)

select
    orders.*,
    charges.first_paid_at is not null as is_paid,
    charges.first_paid_at
from orders
left join charges on orders.order_id = charges.order_id
