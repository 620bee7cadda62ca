with slices as (

    select
        month_start_date,
        dimension,
        sum(order_count) as order_count
    from {{ ref('kpi_orders_monthly') }}
    group by month_start_date, dimension

),

conversions as (

    select
        {{ month_start_date(business_date('occurred_at')) }} as month_start_date,
        count(*) as order_count
    from {{ ref('fct_conversions') }}
    where cycle = 'order'
    group by {{ month_start_date(business_date('occurred_at')) }}

)

select
    slices.month_start_date,
    slices.dimension
from slices
full outer join conversions on slices.month_start_date = conversions.month_start_date
where slices.order_count is distinct from conversions.order_count
