with revenue_points as (

    select
        *,
        {{ business_date('occurred_at') }} as order_date
    from {{ ref('fct_revenue_points') }}

),

-- Orders of subscriptions follow a contract, not a habit.
order_days as (

    select
        person_id,
        order_date,
        sum(contracted_amount_reporting) as order_amount
    from revenue_points
    where
        point_type = 'order'
        and is_order_paid
        and person_id is not null
        and subscription_id is null
    group by person_id, order_date

),

bounds as (

    select {{ last_business_date() }} as last_date

),

-- As of the run, and as of one horizon earlier, to see how the method would have done.
samples as (

    select
        'now' as sample,
        last_date as cutoff_date
    from bounds
    union all
    select
        'backtest',
        last_date - {{ var('lifetime_days') }}
    from bounds

),

known_days as (

    select
        samples.sample,
        samples.cutoff_date,
        order_days.person_id,
        order_days.order_date,
        order_days.order_amount,
        min(order_days.order_date) over (
            partition by samples.sample, order_days.person_id
        ) as first_date
    from samples
    inner join order_days on samples.cutoff_date >= order_days.order_date

),

later_days as (

    select
        samples.sample,
        order_days.person_id,
        count(*) as actual_count,
        sum(order_days.order_amount) as actual_amount
    from samples
    inner join order_days on samples.cutoff_date < order_days.order_date
    group by samples.sample, order_days.person_id

),

customers as (

    select
        sample,
        person_id,
        first_date,
        count(*) - 1 as repeat_count,
        max(order_date) - first_date as recency_days,
        min(cutoff_date) - first_date as age_days,
        coalesce(
            sum(case when order_date > first_date then order_amount end)
            / nullif(count(*) - 1, 0), 0
        ) as repeat_amount
    from known_days
    group by sample, person_id, first_date

)

select
    customers.sample,
    customers.person_id,
    customers.first_date,
    customers.repeat_count,
    customers.recency_days,
    customers.age_days,
    round(customers.repeat_amount, 4)::double as repeat_amount,
    coalesce(later_days.actual_count, 0) as actual_count,
    coalesce(later_days.actual_amount, 0)::decimal(18, 3) as actual_amount,
    {{ var('lifetime_days') }} as horizon_days
from customers
left join later_days
    on customers.sample = later_days.sample and customers.person_id = later_days.person_id
