with web_touchpoints as (

    select * from {{ ref('fct_touchpoints') }}
    where
        touchpoint_type = 'web_event'
        and touchpoint_name in ('generate_lead', 'request_quote', 'sign_up')
        and person_id is not null

),

revenue_points as (

    select * from {{ ref('fct_revenue_points') }}

),

orders as (

    select
        order_id,
        person_id,
        paid_order_number,
        occurred_at
    from revenue_points
    where point_type in ('order', 'renewal') and is_order_paid and person_id is not null

),

order_touchpoints as (

    select
        order_id,
        journey_id,
        touchpoint_number
    from {{ ref('fct_touchpoints') }}
    where touchpoint_type = 'order' and person_id is not null

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

-- Money without a customer or for an order that was never paid is no conversion, and is not lost.
order_conversions as (

    select
        case
            when orders.order_id is null then 'no_conversion'
            when orders.paid_order_number = 1 then 'first_order'
            else 'repeat_order'
        end as conversion_type,
        'order' as cycle,
        money.order_id as source_id,
        money.order_id,
        orders.person_id,
        order_touchpoints.journey_id,
        order_touchpoints.touchpoint_number,
        coalesce(orders.occurred_at, money.first_paid_at) as occurred_at,
        orders.order_id is not null and money.currency_number = 1 as is_conversion,
        money.currency_code,
        money.paid_amount,
        money.paid_amount_reporting
    from money
    left join orders on money.order_id = orders.order_id
    left join order_touchpoints on orders.order_id = order_touchpoints.order_id

),

web_conversions as (

    select
        case when touchpoint_name = 'sign_up' then 'registration' else 'lead' end
            as conversion_type,
        case when touchpoint_name = 'sign_up' then 'registration' else 'lead' end as cycle,
        touchpoint_id as source_id,
        null as order_id,
        person_id,
        journey_id,
        touchpoint_number,
        occurred_at,
        true as is_conversion,
        {{ reporting_currency() }} as currency_code,
        0 as paid_amount,
        0 as paid_amount_reporting
    from web_touchpoints

),

unioned as (

    select * from order_conversions
    union all
    select * from web_conversions

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
    occurred_at
from unioned
