with revenue_points as (

    select
        *,
        {{ month_start_date(business_date('occurred_at')) }} as month_start_date
    from {{ ref('fct_revenue_points') }}
    where person_id is not null

),

subscription_months as (

    select * from {{ ref('int_subscription_months_valued') }}

),

bounds as (

    select {{ last_business_date() }} as last_date

),

orders as (

    select * from revenue_points
    where point_type in ('order', 'renewal') and is_order_paid

),

cohorts as (

    select
        person_id,
        min(month_start_date) as cohort_month_date
    from orders
    group by person_id

),

sizes as (

    select
        cohort_month_date,
        count(*) as cohort_customer_count
    from cohorts
    group by cohort_month_date

),

ordered as (

    select
        cohorts.cohort_month_date,
        orders.month_start_date,
        count(*) as order_count,
        count(distinct orders.person_id) as ordering_count
    from orders
    inner join cohorts on orders.person_id = cohorts.person_id
    group by cohorts.cohort_month_date, orders.month_start_date

),

paid as (

    select
        cohorts.cohort_month_date,
        -- What was paid before the month of the first paid order counts in it.
        greatest(revenue_points.month_start_date, cohorts.cohort_month_date) as month_start_date,
        sum(revenue_points.paid_amount_reporting) as paid_amount_reporting
    from revenue_points
    inner join cohorts on revenue_points.person_id = cohorts.person_id
    where revenue_points.payment_id is not null
    group by
        cohorts.cohort_month_date,
        greatest(revenue_points.month_start_date, cohorts.cohort_month_date)

),

subscribed as (

    select
        cohorts.cohort_month_date,
        subscription_months.month_start_date,
        count(distinct subscription_months.customer_id) as subscriber_count
    from subscription_months
    inner join cohorts on subscription_months.customer_id = cohorts.person_id
    where subscription_months.monthly_amount > 0
    group by cohorts.cohort_month_date, subscription_months.month_start_date

),

-- Every month of a cohort up to the run, with or without anything in it.
cohort_months as (

    select
        sizes.cohort_month_date,
        sizes.cohort_customer_count,
        unnest(
            generate_series(sizes.cohort_month_date, bounds.last_date, interval '1 month')
        )::date as month_start_date
    from sizes
    cross join bounds

)

select
    {{ surrogate_key(['cohort_months.cohort_month_date', 'cohort_months.month_start_date']) }}
        as cohort_id,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    coalesce(paid.paid_amount_reporting, 0)::decimal(18, 3) as paid_amount_reporting,
    sum(coalesce(paid.paid_amount_reporting, 0)) over cohort_so_far::decimal(18, 3)
        as cumulative_paid_amount_reporting,
    date_diff('month', cohort_months.cohort_month_date, cohort_months.month_start_date)::integer
        as month_number_since,
    cohort_months.cohort_customer_count::integer as cohort_customer_count,
    coalesce(ordered.ordering_count, 0)::integer as ordering_customer_count,
    coalesce(ordered.order_count, 0)::integer as order_count,
    coalesce(subscribed.subscriber_count, 0)::integer as subscriber_count,
    round(coalesce(ordered.ordering_count, 0)::double / cohort_months.cohort_customer_count, 6)
    ::double as ordering_rate,
    round(
        (sum(coalesce(paid.paid_amount_reporting, 0)) over cohort_so_far)::double
        / cohort_months.cohort_customer_count, 6
    )::double as realised_lifetime_value,
    {{ is_complete('cohort_months.month_start_date') }} as is_complete,
    cohort_months.cohort_month_date,
    cohort_months.month_start_date
from cohort_months
left join ordered
    on
        cohort_months.cohort_month_date = ordered.cohort_month_date
        and cohort_months.month_start_date = ordered.month_start_date
left join paid
    on
        cohort_months.cohort_month_date = paid.cohort_month_date
        and cohort_months.month_start_date = paid.month_start_date
left join subscribed
    on
        cohort_months.cohort_month_date = subscribed.cohort_month_date
        and cohort_months.month_start_date = subscribed.month_start_date
window
    cohort_so_far as (
        partition by cohort_months.cohort_month_date order by cohort_months.month_start_date
        rows between unbounded preceding and current row
    )
