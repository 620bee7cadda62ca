with orders as (

    select * from {{ ref('int_orders_paid') }}
    where is_paid and subscription_id is not null

),

contacts as (

    select * from {{ ref('int_contacts_resolved_to_persons') }}

),

subscriptions as (

    select
        subscriptions.*,
        contacts.person_id,
        {{ business_date('subscriptions.started_at') }} as started_date,
        {{ business_date('subscriptions.ended_at') }} as ended_date
    from {{ ref('stg_crm__subscriptions') }} as subscriptions
    left join contacts on subscriptions.contact_id = contacts.contact_id
    where subscriptions.is_known

),

billing_periods as (

    select * from {{ ref('billing_periods') }}

),

-- Who goes on with another subscription has changed the plan.
changed as (

    select ended.subscription_id
    from subscriptions as ended
    inner join subscriptions as next_ones
        on
            ended.person_id = next_ones.person_id
            and ended.started_at < next_ones.started_at
            and ended.ended_date <= next_ones.started_date
            and ended.ended_date + 1 >= next_ones.started_date
    group by ended.subscription_id

)

-- A trial that nobody paid for ends without a cancellation.
select
    subscriptions.subscription_id,
    subscriptions.person_id,
    subscriptions.subscription_plan,
    subscriptions.cancellation_reason,
    subscriptions.currency_code,
    {{ in_money(
        'subscriptions.period_amount * billing_periods.periods_per_year / 12',
        'subscriptions.currency_code'
    ) }} as cancelled_amount,
    changed.subscription_id is not null as is_plan_change,
    subscriptions.ended_date
from subscriptions
inner join billing_periods on subscriptions.billing_period = billing_periods.billing_period
left join changed on subscriptions.subscription_id = changed.subscription_id
where
    subscriptions.ended_date is not null
    and subscriptions.subscription_id in (select orders.subscription_id from orders)
