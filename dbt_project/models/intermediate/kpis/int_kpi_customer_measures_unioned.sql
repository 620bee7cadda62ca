with orders as (

    select
        *,
        {{ business_date('occurred_at') }} as order_date
    from {{ ref('fct_revenue_points') }}
    where point_type in ('order', 'renewal') and is_order_paid and person_id is not null

),

money as (

    select
        *,
        {{ business_date('occurred_at') }} as money_date
    from {{ ref('fct_revenue_points') }}
    where point_type in ('payment', 'refund', 'chargeback') and person_id is not null

),

touchpoints as (

    select
        *,
        {{ business_date('occurred_at') }} as touch_date
    from {{ ref('fct_touchpoints') }}
    where person_id in (select orders.person_id from orders)

),

persons as (

    select * from {{ ref('dim_persons') }}

),

bounds as (

    select {{ last_business_date() }} as last_date

),

sequenced as (

    select
        orders.person_id,
        orders.order_date,
        orders.occurred_at,
        orders.paid_order_number,
        orders.preceding_channel as channel,
        persons.persona,
        persons.first_touch_at,
        lag(orders.occurred_at) over person_orders as previous_order_at,
        lead(orders.order_date) over person_orders as next_order_date
    from orders
    inner join persons on orders.person_id = persons.person_id
    window person_orders as (partition by orders.person_id order by orders.paid_order_number)

),

customers as (

    select *
    from sequenced
    where paid_order_number = 1

),

-- Days on which somebody who has paid before was there.
active_days as (

    select
        customers.person_id,
        customers.persona,
        touchpoints.touch_date
    from customers
    inner join touchpoints
        on
            customers.person_id = touchpoints.person_id
            and customers.order_date <= touchpoints.touch_date
    group by customers.person_id, customers.persona, touchpoints.touch_date

),

onboarded as (

    select customers.person_id
    from customers
    inner join touchpoints
        on
            customers.person_id = touchpoints.person_id
            and customers.occurred_at <= touchpoints.occurred_at
            and customers.order_date + {{ var('onboarding_days') }} >= touchpoints.touch_date
    where touchpoints.touchpoint_name in ('onboarding', 'training', 'tutorial_complete')
    group by customers.person_id

),

lifetime as (

    select
        customers.person_id,
        -- Of the type of the other measures: a union of decimals keeps the digits of the widest.
        sum(money.paid_amount_reporting)::decimal(24, 6) as paid_amount_reporting
    from customers
    inner join money
        on
            customers.person_id = money.person_id
            and customers.order_date + {{ var('lifetime_days') }} >= money.money_date
    group by customers.person_id

),

unioned as (

    select
        touch_date as kpi_date,
        'active_customers' as measure,
        null as channel,
        persona,
        1 as quantity
    from active_days
    union all
    select
        order_date,
        'days_to_purchase',
        channel,
        persona,
        ({{ seconds_between('first_touch_at', 'occurred_at') }} / 86400.0)::decimal(24, 6)
    from customers
    union all
    select
        order_date,
        'days_between_orders',
        channel,
        persona,
        ({{ seconds_between('previous_order_at', 'occurred_at') }} / 86400.0)::decimal(24, 6)
    from sequenced
    where paid_order_number > 1
    -- Each paid order is judged on the day when its time for another one is over.
    union all
    select
        order_date + {{ var('retention_days') }},
        'orders_judged',
        channel,
        persona,
        1
    from sequenced
    union all
    select
        order_date + {{ var('retention_days') }},
        case
            when next_order_date <= order_date + {{ var('retention_days') }} then 'orders_retained'
            else 'orders_churned'
        end,
        channel,
        persona,
        1
    from sequenced
    union all
    select
        order_date + {{ var('onboarding_days') }},
        'customers_to_onboard',
        channel,
        persona,
        1
    from customers
    union all
    select
        customers.order_date + {{ var('onboarding_days') }},
        'customers_onboarded',
        customers.channel,
        customers.persona,
        1
    from customers
    inner join onboarded on customers.person_id = onboarded.person_id
    union all
    select
        order_date + {{ var('lifetime_days') }},
        'customers_valued',
        channel,
        persona,
        1
    from customers
    union all
    select
        customers.order_date + {{ var('lifetime_days') }},
        'lifetime_paid',
        customers.channel,
        customers.persona,
        lifetime.paid_amount_reporting
    from customers
    inner join lifetime on customers.person_id = lifetime.person_id

)

-- What is judged later than the run looks is not known yet.
select
    unioned.kpi_date,
    unioned.measure,
    coalesce(unioned.channel, '(not set)') as channel,
    unioned.persona,
    sum(unioned.quantity)::decimal(24, 4) as quantity
from unioned
inner join bounds on unioned.kpi_date <= bounds.last_date
group by
    unioned.kpi_date, unioned.measure, coalesce(unioned.channel, '(not set)'), unioned.persona
