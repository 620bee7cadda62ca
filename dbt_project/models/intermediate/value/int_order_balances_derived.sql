with orders as (

    select * from {{ ref('fct_orders') }}
    where not has_foreign_payment

),

revenue_points as (

    select * from {{ ref('fct_revenue_points') }}

),

-- What changes what is open between an order and its customer, and when.
unioned as (

    select
        orders.order_id,
        'order' as event_type,
        orders.ordered_at as occurred_at,
        case when orders.is_owed then orders.order_amount else 0 end as contracted_amount,
        0::decimal(18, 3) as billed_amount,
        0::decimal(18, 3) as delivered_amount,
        0::decimal(18, 3) as charged_amount,
        0::decimal(18, 3) as paid_amount
    from orders

    union all

    select
        orders.order_id,
        'invoice',
        orders.billed_at,
        0,
        orders.order_amount,
        0,
        0,
        0
    from orders
    where orders.billed_at is not null and orders.is_owed

    union all

    select
        orders.order_id,
        'delivery',
        orders.delivered_at,
        0,
        0,
        orders.order_amount,
        0,
        0
    from orders
    where orders.delivered_at is not null

    union all

    select
        revenue_points.order_id,
        'payment ' || revenue_points.payment_id,
        revenue_points.occurred_at,
        0,
        0,
        0,
        case when revenue_points.point_type = 'payment' then revenue_points.paid_amount else 0 end,
        revenue_points.paid_amount
    from revenue_points
    inner join orders on revenue_points.order_id = orders.order_id
    where revenue_points.payment_id is not null

),

summed as (

    select
        order_id,
        event_type,
        occurred_at,
        sum(contracted_amount) over order_events as contracted_amount,
        sum(billed_amount) over order_events as billed_amount,
        sum(delivered_amount) over order_events as delivered_amount,
        sum(charged_amount) over order_events as charged_amount,
        sum(paid_amount) over order_events as paid_amount
    from unioned
    window
        order_events as (
            partition by order_id order by occurred_at, event_type
            rows between unbounded preceding and current row
        )

),

balanced as (

    select
        summed.order_id,
        summed.event_type,
        summed.occurred_at,
        orders.person_id,
        orders.currency_code,
        greatest(summed.contracted_amount - summed.charged_amount, 0) as unpaid_amount,
        greatest(summed.billed_amount - summed.charged_amount, 0) as billed_unpaid_amount,
        greatest(
            case when orders.is_owed then summed.delivered_amount else 0 end
            - summed.charged_amount, 0
        ) as pay_later_exposure_amount,
        case
            when orders.delivered_at is null then 0
            else greatest(summed.paid_amount - summed.delivered_amount, 0)
        end as prepaid_exposure_amount,
        case when orders.delivered_at is null then greatest(summed.paid_amount, 0) else 0 end
            as undelivered_amount
    from summed
    inner join orders on summed.order_id = orders.order_id

)

select
    order_id,
    event_type,
    person_id,
    currency_code,
    unpaid_amount,
    billed_unpaid_amount,
    pay_later_exposure_amount,
    prepaid_exposure_amount,
    undelivered_amount,
    occurred_at
from balanced
