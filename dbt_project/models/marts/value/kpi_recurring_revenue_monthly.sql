with subscription_months as (

    select * from {{ ref('int_subscription_months_valued') }}

),

customer_months as (

    select
        customer_id,
        currency_code,
        month_start_date,
        sum(monthly_amount) as monthly_amount
    from subscription_months
    group by customer_id, currency_code, month_start_date

),

compared as (

    select
        *,
        coalesce(lag(monthly_amount) over customer_history, 0) as previous_amount,
        coalesce(
            max(monthly_amount) over (
                partition by customer_id, currency_code
                order by month_start_date
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as highest_amount
    from customer_months
    window customer_history as (
        partition by customer_id, currency_code order by month_start_date
    )

),

moved as (

    select
        *,
        case
            when monthly_amount > 0 and highest_amount = 0 then 'new'
            when monthly_amount > 0 and previous_amount = 0 then 'reactivation'
            when monthly_amount = 0 and previous_amount > 0 then 'churn'
            when monthly_amount > previous_amount then 'expansion'
            when monthly_amount < previous_amount then 'contraction'
            else 'none'
        end as movement
    from compared

)

select
    {{ surrogate_key(['month_start_date', 'currency_code']) }} as recurring_revenue_id,
    currency_code,
    sum(previous_amount)::decimal(18, 3) as start_amount,
    coalesce(sum(monthly_amount - previous_amount) filter (where movement = 'new'), 0)
    ::decimal(18, 3) as new_amount,
    coalesce(sum(monthly_amount - previous_amount) filter (where movement = 'expansion'), 0)
    ::decimal(18, 3) as expansion_amount,
    coalesce(sum(monthly_amount - previous_amount) filter (where movement = 'reactivation'), 0)
    ::decimal(18, 3) as reactivation_amount,
    coalesce(sum(monthly_amount - previous_amount) filter (where movement = 'contraction'), 0)
    ::decimal(18, 3) as contraction_amount,
    coalesce(sum(monthly_amount - previous_amount) filter (where movement = 'churn'), 0)
    ::decimal(18, 3) as churn_amount,
    sum(monthly_amount)::decimal(18, 3) as end_amount,
    count(*) filter (where previous_amount > 0)::integer as start_subscriber_count,
    count(*) filter (where movement = 'new')::integer as new_subscriber_count,
    count(*) filter (where movement = 'reactivation')::integer as reactivated_subscriber_count,
    count(*) filter (where movement = 'churn')::integer as churned_subscriber_count,
    count(*) filter (where monthly_amount > 0)::integer as end_subscriber_count,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from moved
group by month_start_date, currency_code
