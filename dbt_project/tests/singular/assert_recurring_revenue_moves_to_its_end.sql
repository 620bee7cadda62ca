with months as (

    select
        *,
        lag(end_amount) over (
            partition by currency_code order by month_start_date
        ) as previous_end_amount,
        lag(end_subscriber_count) over (
            partition by currency_code order by month_start_date
        ) as previous_end_count
    from {{ ref('kpi_recurring_revenue_monthly') }}

)

select recurring_revenue_id
from months
where
    end_amount
    != start_amount + new_amount + expansion_amount + reactivation_amount
    + contraction_amount + churn_amount
    or start_amount != coalesce(previous_end_amount, 0)
    or end_subscriber_count
    != start_subscriber_count + new_subscriber_count + reactivated_subscriber_count
    - churned_subscriber_count
    or start_subscriber_count != coalesce(previous_end_count, 0)
