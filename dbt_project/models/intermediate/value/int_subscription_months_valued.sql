with orders as (

    select
        *,
        {{ business_date('ordered_at') }} as order_date
    from {{ ref('int_orders_paid') }}
    where subscription_id is not null and is_paid

),

subscriptions as (

    select * from {{ ref('stg_crm__subscriptions') }}
    where is_known

),

billing_periods as (

    select * from {{ ref('billing_periods') }}

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}
    where identifier_type = 'contact'

),

bounds as (

    select {{ last_business_date() }} as last_date

),

-- Of several orders of one day the last stands.
charged as (

    select
        orders.subscription_id,
        orders.order_date,
        orders.currency_code,
        orders.order_amount,
        coalesce(identifiers.person_id, orders.contact_id) as customer_id,
        billing_periods.month_count,
        {{ business_date('subscriptions.ended_at') }} as ended_date
    from orders
    inner join subscriptions on orders.subscription_id = subscriptions.subscription_id
    inner join billing_periods on subscriptions.billing_period = billing_periods.billing_period
    left join identifiers on orders.contact_id = identifiers.identifier_value
    qualify row_number() over (
        partition by orders.subscription_id, orders.order_date
        order by orders.ordered_at desc, orders.order_id desc
    ) = 1

),

-- Months that are over, from the first charge on.
month_starts as (

    select
        unnest(generate_series(
            {{ month_start_date('min(charged.order_date)') }},
            min(bounds.last_date),
            interval '1 month'
        ))::date as month_start_date
    from charged
    cross join bounds

),

months as (

    select
        month_start_date,
        (month_start_date + interval '1 month')::date - 1 as month_end_date
    from month_starts

),

started as (

    select
        subscription_id,
        min(order_date) as first_order_date
    from charged
    group by subscription_id

),

subscription_months as (

    select
        started.subscription_id,
        months.month_start_date,
        months.month_end_date
    from started
    inner join months on started.first_order_date <= months.month_end_date
    inner join bounds on months.month_end_date <= bounds.last_date

),

-- At the end of the month the newest charge counts, unless its time is over or the contract ended.
charged_months as (

    select
        subscription_months.subscription_id,
        subscription_months.month_start_date,
        subscription_months.month_end_date,
        charged.customer_id,
        charged.currency_code,
        charged.order_amount,
        charged.month_count,
        charged.ended_date,
        (charged.order_date + to_months(charged.month_count))::date
        + {{ var('renewal_grace_days') }} as paid_until_date
    from subscription_months
    asof inner join charged
        on
            subscription_months.subscription_id = charged.subscription_id
            and subscription_months.month_end_date >= charged.order_date

)

select
    subscription_id,
    month_start_date,
    customer_id,
    currency_code,
    case
        when paid_until_date <= month_end_date or ended_date <= month_end_date then 0
        else {{ in_money('order_amount / month_count', 'currency_code') }}
    end::decimal(18, 3) as monthly_amount
from charged_months
