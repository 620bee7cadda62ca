-- What is open in the last month of the balances is what the orders say is open, and orders hold
-- all money of their points.
with owed as (

    select
        currency_code,
        sum(unpaid_amount) as amount
    from {{ ref('fct_orders') }}
    where not has_foreign_payment
    group by currency_code

),

exposed as (

    select
        currency_code,
        sum(unpaid_amount) as amount
    from {{ ref('kpi_payment_exposure_monthly') }}
    where
        month_start_date
        = date_trunc('month', {{ last_business_date() }})
    group by currency_code

),

held as (

    select
        order_id,
        charged_amount + returned_amount as amount
    from {{ ref('fct_orders') }}
    where not has_foreign_payment

),

paid as (

    select
        order_id,
        sum(paid_amount) as amount
    from {{ ref('fct_revenue_points') }}
    group by order_id

)

select
    'owed' as difference,
    coalesce(owed.currency_code, exposed.currency_code) as subject
from owed
full join exposed on owed.currency_code = exposed.currency_code
where coalesce(owed.amount, 0) != coalesce(exposed.amount, 0)

union all

select
    'held',
    held.order_id
from held
left join paid on held.order_id = paid.order_id
where held.amount is distinct from paid.amount
