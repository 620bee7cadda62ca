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
        orders.point_type,
        orders.preceding_channel as channel,
        persons.persona,
        persons.first_touch_at,
        -- A renewal that comes by itself is nobody's return.
        last_value(
            case when orders.point_type = 'order' then orders.occurred_at end ignore nulls
        ) over (
            partition by orders.person_id order by orders.paid_order_number
            rows between unbounded preceding and 1 preceding
        ) as previous_order_at,
        first_value(
            case when orders.point_type = 'order' then orders.order_date end ignore nulls
        ) over (
            partition by orders.person_id order by orders.paid_order_number
            rows between 1 following and unbounded following
        ) as next_order_date,
        orders.subscription_id
    from orders
    inner join persons on orders.person_id = persons.person_id

),

customers as (

    select *
    from sequenced
    where paid_order_number = 1

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
        sum(money.paid_amount_reporting) as paid_amount_reporting
    from customers
    inner join money
        on
            customers.person_id = money.person_id
            and customers.order_date + {{ var('lifetime_days') }} >= money.money_date
    group by customers.person_id

),

-- Subscriptions that were paid at the end of a month, and what is of them at the end of the next.
subscription_months as (

    select
        subscription_id,
        customer_id,
        month_start_date,
        monthly_amount > 0 as is_paid,
        lag(monthly_amount > 0) over (
            partition by subscription_id order by month_start_date
        ) as was_paid
    from {{ ref('int_subscription_months_valued') }}

),

wide as (

    select
        'active' as counted_from,
        active_date as kpi_date,
        null as channel,
        persona,
        count(*) as active_customers,
        count(*) as active_customer_days,
        count(*) as reachable_customer_days
    from {{ ref('int_active_customer_days_derived') }}
    group by active_date, persona
    union all by name
    select
        'used' as counted_from,
        used_date as kpi_date,
        null as channel,
        persona,
        count(*) as usage_days,
        count(*) as using_customers
    from {{ ref('int_usage_days_derived') }}
    group by used_date, persona
    union all by name
    select
        'ordered' as counted_from,
        order_date as kpi_date,
        channel,
        persona,
        sum(
            ({{ seconds_between('first_touch_at', 'occurred_at') }} / 86400.0)::decimal(24, 6)
        ) filter (where paid_order_number = 1) as days_to_purchase,
        sum(
            ({{ seconds_between('previous_order_at', 'occurred_at') }} / 86400.0)::decimal(24, 6)
        ) filter (where paid_order_number > 1) as days_between_orders
    from sequenced
    where point_type = 'order'
    group by order_date, channel, persona
    union all by name
    -- Each paid order of no subscription is judged when its time for another order is over.
    select
        'judged' as counted_from,
        order_date + {{ var('retention_days') }} as kpi_date,
        channel,
        persona,
        count(*) as orders_judged,
        count(*) filter (
            where next_order_date <= order_date + {{ var('retention_days') }}
        ) as orders_retained,
        count(*) filter (
            where
            next_order_date is null
            or next_order_date > order_date + {{ var('retention_days') }}
        ) as orders_churned
    from sequenced
    where subscription_id is null
    group by order_date, channel, persona
    union all by name
    select
        'subscriptions' as counted_from,
        last_day(subscription_months.month_start_date) as kpi_date,
        null as channel,
        persons.persona,
        count(*) as subscriptions_judged,
        count(*) filter (where subscription_months.is_paid) as subscriptions_retained,
        count(*) filter (where not subscription_months.is_paid) as subscriptions_churned
    from subscription_months
    left join persons on subscription_months.customer_id = persons.person_id
    where subscription_months.was_paid
    group by last_day(subscription_months.month_start_date), persons.persona
    union all by name
    select
        'cancelled' as counted_from,
        subscription_ends.ended_date as kpi_date,
        null as channel,
        persons.persona,
        count(*) as subscriptions_cancelled
    from {{ ref('int_subscription_ends_classified') }} as subscription_ends
    left join persons on subscription_ends.person_id = persons.person_id
    where not subscription_ends.is_plan_change
    group by subscription_ends.ended_date, persons.persona
    union all by name
    select
        'onboarded' as counted_from,
        customers.order_date + {{ var('onboarding_days') }} as kpi_date,
        customers.channel,
        customers.persona,
        count(*) as customers_to_onboard,
        count(onboarded.person_id) as customers_onboarded
    from customers
    left join onboarded on customers.person_id = onboarded.person_id
    group by customers.order_date, customers.channel, customers.persona
    union all by name
    select
        'valued' as counted_from,
        customers.order_date + {{ var('lifetime_days') }} as kpi_date,
        customers.channel,
        customers.persona,
        count(*) as customers_valued,
        sum(lifetime.paid_amount_reporting) as lifetime_paid
    from customers
    left join lifetime on customers.person_id = lifetime.person_id
    group by customers.order_date, customers.channel, customers.persona

)

-- What is judged later than the run looks is not known yet.
select wide.*
from wide
inner join bounds on wide.kpi_date <= bounds.last_date
