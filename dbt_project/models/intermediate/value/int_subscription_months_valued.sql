with orders as (

    select
        *,
        {{ business_date('ordered_at') }} as charge_date
    from {{ ref('int_orders_paid') }}
    where subscription_id is not null and is_paid

),

subscriptions as (

    select
        *,
        {{ business_date('ended_at') }} as ended_date
    from {{ ref('stg_crm__subscriptions') }}
    where is_known

),

versions as (

    select * from {{ ref('stg_crm__subscription_versions') }}

),

billing_periods as (

    select * from {{ ref('billing_periods') }}

),

contacts as (

    select * from {{ ref('int_contacts_resolved_to_persons') }}

),

invalid_contacts as (

    select invalid_value
    from {{ ref('identifier_invalid_values') }}
    where identifier_type = 'contact' and invalid_value is not null

),

bounds as (

    select {{ last_business_date() }} as last_date

),

charged_days as (

    select
        subscription_id,
        charge_date,
        min(charge_date) over (partition by subscription_id) as first_charge_date,
        arg_max(contact_id, order_id) as contact_id
    from orders
    group by subscription_id, charge_date

),

-- What says a price from a day on: the contract as it was seen, and charges where it was not.
prices as (

    select
        subscription_id,
        charge_date as price_date,
        price_amount,
        false as is_contract
    from {{ ref('int_subscription_charges_valued') }}
    where price_amount is not null
    union all
    select
        subscription_id,
        previous_seen_date + 1,
        period_amount,
        true
    from versions
    where previous_seen_date is not null

),

daily_prices as (

    select
        subscription_id,
        price_date,
        arg_max(price_amount, is_contract) as price_amount
    from prices
    group by subscription_id, price_date

),

-- Months that are over, from the first charge on.
month_starts as (

    select
        unnest(generate_series(
            {{ month_start_date('min(charged_days.charge_date)') }},
            min(bounds.last_date),
            interval '1 month'
        ))::date as month_start_date
    from charged_days
    cross join bounds

),

months as (

    select
        month_starts.month_start_date,
        (month_starts.month_start_date + interval '1 month')::date - 1 as month_end_date
    from month_starts
    inner join bounds
        on (month_starts.month_start_date + interval '1 month')::date - 1 <= bounds.last_date

),

subscription_months as (

    select
        subscriptions.subscription_id,
        subscriptions.currency_code,
        subscriptions.ended_date,
        months.month_start_date,
        months.month_end_date
    from subscriptions
    inner join charged_days
        on
            subscriptions.subscription_id = charged_days.subscription_id
            and charged_days.charge_date = charged_days.first_charge_date
    inner join months on charged_days.charge_date <= months.month_end_date

),

-- At the end of the month: the newest charge, the price in force and the period that it is for.
charged_months as (

    select
        subscription_months.*,
        charged_days.charge_date,
        charged_days.contact_id
    from subscription_months
    asof inner join charged_days
        on
            subscription_months.subscription_id = charged_days.subscription_id
            and subscription_months.month_end_date >= charged_days.charge_date

),

priced_months as (

    select
        charged_months.*,
        daily_prices.price_amount
    from charged_months
    asof inner join daily_prices
        on
            charged_months.subscription_id = daily_prices.subscription_id
            and charged_months.month_end_date >= daily_prices.price_date

),

period_months as (

    select
        priced_months.*,
        versions.billing_period
    from priced_months
    asof inner join versions
        on
            priced_months.subscription_id = versions.subscription_id
            and priced_months.month_end_date
            > coalesce(versions.previous_seen_date, date '0001-01-01')

)

-- A month is paid while the newest charge's period lasts, and the contract. Subscriptions of nobody
-- (`unknown`) are each a customer's of their own.
select
    period_months.subscription_id,
    period_months.month_start_date,
    coalesce(
        contacts.person_id,
        case when invalid_contacts.invalid_value is null then period_months.contact_id end,
        'subscription ' || period_months.subscription_id
    ) as customer_id,
    period_months.currency_code,
    case
        when period_months.ended_date <= period_months.month_end_date then 0
        when
            (period_months.charge_date + to_months(billing_periods.month_count))::date
            + billing_periods.day_count
            + {{ var('renewal_grace_days') }} <= period_months.month_end_date
            then 0
        else {{ in_money(
            'period_months.price_amount * billing_periods.periods_per_year / 12',
            'period_months.currency_code'
        ) }}
    end::decimal(18, 3) as monthly_amount
from period_months
inner join billing_periods on period_months.billing_period = billing_periods.billing_period
left join contacts on period_months.contact_id = contacts.contact_id
left join invalid_contacts
    on {{ bare_value('period_months.contact_id') }} = invalid_contacts.invalid_value
