-- Newest versions of raw payments = staged payments = revenue points, per currency, to the cent.
with newest as (

    select *
    from {{ source('raw_crm', 'payments') }}
    qualify {{ is_newest_version(['payment_id'], 'updated_at') }}

),

raw_payments as (

    select
        currency_code,
        sum(
            case when coalesce(payment_type, 'charge') = 'charge' then 1 else -1 end
            * payment_amount
        ) as paid_amount
    from newest
    where {{ is_known('paid_at') }}
    group by currency_code

),

staged as (

    select
        currency_code,
        sum(paid_amount) as paid_amount
    from {{ ref('stg_crm__payments') }}
    where is_known
    group by currency_code

),

points as (

    select
        currency_code,
        sum(paid_amount) as paid_amount
    from {{ ref('fct_revenue_points') }}
    where payment_id is not null
    group by currency_code

)

select
    coalesce(raw_payments.currency_code, staged.currency_code, points.currency_code)
        as currency_code,
    raw_payments.paid_amount as raw_amount,
    staged.paid_amount as staged_amount,
    points.paid_amount as point_amount
from raw_payments
full outer join staged on raw_payments.currency_code = staged.currency_code
full outer join points on raw_payments.currency_code = points.currency_code
where
    raw_payments.paid_amount is distinct from staged.paid_amount
    or raw_payments.paid_amount is distinct from points.paid_amount
