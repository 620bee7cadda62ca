-- The same orders as the KPI conversions: paid, and no automatic renewals.
with orders as (

    select * from {{ ref('fct_orders') }}
    where is_paid and order_type != 'renewal'

),

persons as (

    select * from {{ ref('dim_persons') }}

),

money as (

    select
        order_id,
        sum(paid_amount_reporting) as paid_amount_reporting
    from {{ ref('fct_revenue_points') }}
    where payment_id is not null
    group by order_id

),

-- A tier is that of today, of those who were members when they ordered.
described as (

    select
        orders.person_id,
        orders.paid_order_number,
        coalesce(orders.order_channel, '(not set)') as order_channel,
        coalesce(orders.store, '(not set)') as store,
        coalesce(orders.coupon_code, '(not set)') as coupon_code,
        case
            when persons.member_since_at <= orders.ordered_at
                then coalesce(persons.loyalty_tier, '(no tier)')
            else '(not set)'
        end as loyalty_tier,
        money.paid_amount_reporting,
        {{ month_start_date(business_date('orders.ordered_at')) }} as month_start_date
    from orders
    left join persons on orders.person_id = persons.person_id
    left join money on orders.order_id = money.order_id

),

sliced as (

    select
        month_start_date,
        {{ slice_of(['order_channel', 'store', 'coupon_code', 'loyalty_tier']) }},
        count(*) as order_count,
        count(distinct person_id) as customer_count,
        count(*) filter (where paid_order_number = 1) as first_order_count,
        sum(paid_amount_reporting) as paid_amount_reporting
    from described
    group by grouping sets (
        (month_start_date),
        (month_start_date, order_channel),
        (month_start_date, store),
        (month_start_date, coupon_code),
        (month_start_date, loyalty_tier)
    )

)

select
    {{ surrogate_key(['month_start_date', 'dimension', 'dimension_value']) }} as order_slice_id,
    dimension,
    dimension_value,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    coalesce(paid_amount_reporting, 0)::decimal(18, 3) as paid_amount_reporting,
    order_count::integer as order_count,
    customer_count::integer as customer_count,
    first_order_count::integer as first_order_count,
    round(
        order_count::double
        / sum(case when dimension = 'all' then order_count end) over (
            partition by month_start_date
        ),
        6
    )::double as order_share,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from sliced
