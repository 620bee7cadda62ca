-- Each month, each way of parting customers holds every customer once.
with customers as (

    select
        month_start_date,
        count(*) as customer_count
    from {{ ref('int_customer_months_valued') }}
    group by month_start_date

),

moved as (

    select
        segmentation,
        month_start_date,
        sum(moved_customer_count) as customer_count
    from {{ ref('kpi_segment_migrations_monthly') }}
    group by segmentation, month_start_date

)

select
    moved.segmentation,
    coalesce(moved.month_start_date, customers.month_start_date) as month_start_date
from customers
full outer join moved on customers.month_start_date = moved.month_start_date
where customers.customer_count is distinct from moved.customer_count
