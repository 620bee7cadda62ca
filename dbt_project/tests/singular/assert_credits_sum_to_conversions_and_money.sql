with credits as (

    select
        conversion_id,
        method,
        sum(credit) as credit,
        sum(paid_amount) as paid_amount,
        sum(paid_amount_reporting) as paid_amount_reporting
    from {{ ref('fct_attribution_credits') }}
    group by conversion_id, method

),

methods as (

    select method
    from {{ ref('attribution_methods') }}
    group by method

),

payments as (

    select
        currency_code,
        sum(paid_amount) as paid_amount
    from {{ ref('fct_revenue_points') }}
    where payment_id is not null
    group by currency_code

),

attributed as (

    select
        method,
        currency_code,
        sum(paid_amount) as paid_amount
    from {{ ref('fct_attribution_credits') }}
    group by method, currency_code

)

-- Each conversion under each method, whole and to the cent.
select conversions.conversion_id as finding
from {{ ref('int_conversions_unioned') }} as conversions
cross join methods
left join credits
    on
        conversions.conversion_id = credits.conversion_id
        and methods.method = credits.method
where
    credits.credit is null
    or credits.credit != 1
    or credits.paid_amount != conversions.paid_amount
    or credits.paid_amount_reporting != conversions.paid_amount_reporting
union all
-- All payments, per currency and method.
select payments.currency_code
from payments
cross join methods
left join attributed
    on payments.currency_code = attributed.currency_code and methods.method = attributed.method
where payments.paid_amount != coalesce(attributed.paid_amount, 0)
union all
-- The monthly mart holds the same, and every ad cost once per method.
select monthly.method
from (
    select
        method,
        sum(paid_amount_reporting) as paid_amount_reporting,
        sum(
            first_order_credit
            + repeat_order_credit
            + lead_credit
            + registration_credit
            + other_credit
        ) as credit
    from {{ ref('kpi_attribution') }}
    group by method
) as monthly
inner join (
    select
        method,
        sum(paid_amount_reporting) as paid_amount_reporting,
        sum(conversion_credit) as credit
    from {{ ref('fct_attribution_credits') }}
    group by method
) as every_credit on monthly.method = every_credit.method
where
    monthly.paid_amount_reporting != every_credit.paid_amount_reporting
    or monthly.credit != every_credit.credit
