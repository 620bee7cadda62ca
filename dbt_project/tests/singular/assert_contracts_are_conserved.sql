-- What orders contracted and billed stands in the revenue points, per currency, to the cent.
with orders as (

    select
        currency_code,
        sum(order_amount) as contracted_amount,
        coalesce(sum(order_amount) filter (where billed_at is not null), 0) as billed_amount
    from {{ ref('stg_crm__orders') }}
    where is_known
    group by currency_code

),

points as (

    select
        currency_code,
        sum(contracted_amount) as contracted_amount,
        sum(billed_amount) as billed_amount
    from {{ ref('fct_revenue_points') }}
    where point_type in ('order', 'renewal', 'invoice')
    group by currency_code

)

select
    orders.currency_code,
    orders.contracted_amount,
    points.contracted_amount as point_contracted_amount,
    orders.billed_amount,
    points.billed_amount as point_billed_amount
from orders
full outer join points on orders.currency_code = points.currency_code
where
    orders.contracted_amount is distinct from points.contracted_amount
    or orders.billed_amount is distinct from points.billed_amount
