with sides as (

    select
        'orders' as counted,
        (select count(*) from {{ ref('orders_wide') }}) as wide_count,
        (select count(*) from {{ ref('fct_orders') }}) as fact_count
    union all
    select
        'sessions',
        (select count(*) from {{ ref('sessions_wide') }}),
        (select count(*) from {{ ref('fct_sessions') }})
    union all
    select
        'money of orders',
        (select coalesce(sum(paid_amount_reporting), 0) from {{ ref('orders_wide') }}),
        (
            select coalesce(sum(paid_amount_reporting), 0)
            from {{ ref('fct_revenue_points') }}
            where order_id in (select orders.order_id from {{ ref('fct_orders') }} as orders)
        )

)

select
    counted,
    wide_count,
    fact_count
from sides
where wide_count != fact_count
