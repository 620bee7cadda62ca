with orders as (

    select * from {{ ref('int_orders_paid') }}

),

payments as (

    select * from {{ ref('stg_crm__payments') }}
    where is_known

),

contacts as (

    select * from {{ ref('int_contacts_resolved_to_persons') }}

),

unioned as (

    select
        {{ surrogate_key(["'order'", 'orders.order_id']) }} as revenue_point_id,
        orders.order_id,
        null as payment_id,
        case when orders.order_type = 'renewal' then 'renewal' else 'order' end as point_type,
        orders.currency_code,
        orders.order_amount as contracted_amount,
        0::decimal(18, 3) as billed_amount,
        0::decimal(18, 3) as paid_amount,
        orders.first_paid_at as paid_at,
        orders.ordered_at as occurred_at
    from orders

    union all

    select
        {{ surrogate_key(["'invoice'", 'orders.order_id']) }},
        orders.order_id,
        null,
        'invoice',
        orders.currency_code,
        0,
        orders.order_amount,
        0,
        orders.first_paid_at,
        orders.billed_at
    from orders
    where orders.billed_at is not null

    union all

    select
        {{ surrogate_key(["'payment'", 'payments.payment_id']) }},
        payments.order_id,
        payments.payment_id,
        case when payments.payment_type = 'charge' then 'payment' else payments.payment_type end,
        payments.currency_code,
        0,
        0,
        payments.paid_amount,
        payments.paid_at,
        payments.paid_at as occurred_at
    from payments

)

select
    unioned.*,
    -- Of points of one instant: what was promised, then billed, then paid, then given back.
    case
        when unioned.point_type in ('order', 'renewal') then 1
        when unioned.point_type = 'invoice' then 2
        when unioned.point_type = 'payment' then 3
        else 4
    end as point_order,
    contacts.person_id,
    orders.subscription_id,
    orders.order_type,
    coalesce(orders.is_paid, false) as is_order_paid,
    orders.order_amount,
    orders.ordered_at as contracted_at,
    orders.billed_at,
    orders.delivered_at
from unioned
-- A payment whose order never arrived stays, without a customer.
left join orders on unioned.order_id = orders.order_id
left join contacts on orders.contact_id = contacts.contact_id
