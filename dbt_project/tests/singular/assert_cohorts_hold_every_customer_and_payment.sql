with cohorts as (

    select
        count(*) as customer_count,
        sum(paid_amount_reporting) as paid_amount_reporting
    from (
        select
            person_id,
            sum(paid_amount_reporting) as paid_amount_reporting
        from {{ ref('fct_revenue_points') }}
        where
            person_id in (
                select orders.person_id
                from {{ ref('fct_revenue_points') }} as orders
                where orders.point_type in ('order', 'renewal') and orders.is_order_paid
            )
        group by person_id
    )

),

recounted as (

    select
        sum(cohort_customer_count) filter (where month_number_since = 0) as customer_count,
        sum(paid_amount_reporting) as paid_amount_reporting
    from {{ ref('kpi_cohorts_monthly') }}

)

select recounted.*
from recounted
cross join cohorts
where
    coalesce(recounted.customer_count, 0) != cohorts.customer_count
    or coalesce(recounted.paid_amount_reporting, 0) != coalesce(cohorts.paid_amount_reporting, 0)
