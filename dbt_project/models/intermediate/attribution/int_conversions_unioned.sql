with conversions as (

    select * from {{ ref('fct_conversions') }}

),

revenue_points as (

    select * from {{ ref('fct_revenue_points') }}

),

orders as (

    select
        revenue_points.order_id,
        revenue_points.person_id,
        revenue_points.occurred_at,
        classified_orders.earning_order_id
    from revenue_points
    inner join {{ ref('int_orders_classified') }} as classified_orders
        on revenue_points.order_id = classified_orders.order_id
    where revenue_points.point_type in ('order', 'renewal') and revenue_points.is_order_paid

),

earning as (

    select * from conversions
    where is_valued and person_id is not null

),

-- What came in for an order, in each currency, and went back.
money as (

    select
        order_id,
        currency_code,
        sum(paid_amount) as paid_amount,
        sum(paid_amount_reporting) as paid_amount_reporting,
        min(occurred_at) as first_paid_at,
        row_number() over (partition by order_id order by currency_code) as currency_number
    from revenue_points
    where payment_id is not null
    group by order_id, currency_code

),

-- Money without a customer, for an order that was never paid or of a subscription whose start is
-- not known is no conversion's, and is not lost.
order_money as (

    select
        coalesce(earning.conversion_type, 'no_conversion') as conversion_type,
        coalesce(earning.cycle, 'no_conversion') as cycle,
        money.order_id as source_id,
        money.order_id,
        orders.person_id,
        earning.journey_id,
        earning.touchpoint_number,
        coalesce(earning.order_id = money.order_id, false) and money.currency_number = 1
            as is_conversion,
        money.currency_code,
        money.paid_amount,
        money.paid_amount_reporting,
        earning.occurred_at as converted_at,
        coalesce(orders.occurred_at, money.first_paid_at) as occurred_at
    from money
    left join orders on money.order_id = orders.order_id
    left join earning on orders.earning_order_id = earning.order_id

),

unioned as (

    select * from order_money
    union all
    select
        conversion_type,
        cycle,
        conversion_id,
        order_id,
        person_id,
        journey_id,
        touchpoint_number,
        true,
        {{ reporting_currency() }},
        0,
        0,
        occurred_at as converted_at,
        occurred_at
    from conversions
    where not is_valued and person_id is not null

)

select
    {{ surrogate_key(['conversion_type', 'source_id', 'currency_code']) }} as conversion_id,
    conversion_type,
    cycle,
    order_id,
    person_id,
    journey_id,
    touchpoint_number,
    is_conversion,
    currency_code,
    paid_amount::decimal(18, 3) as paid_amount,
    paid_amount_reporting::decimal(18, 3) as paid_amount_reporting,
    converted_at,
    occurred_at
from unioned
