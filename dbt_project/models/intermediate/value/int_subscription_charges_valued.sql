with orders as (

    select
        *,
        {{ business_date('ordered_at') }} as charge_date
    from {{ ref('int_orders_paid') }}
    where subscription_id is not null and is_paid

),

versions as (

    select * from {{ ref('stg_crm__subscription_versions') }}

),

first_versions as (

    select
        versions.*,
        billing_periods.month_count,
        billing_periods.day_count,
        billing_periods.tolerance_days,
        365.0 / billing_periods.periods_per_year as period_days
    from versions
    inner join {{ ref('billing_periods') }} as billing_periods
        on versions.billing_period = billing_periods.billing_period
    where versions.version_number = 1

),

-- What is charged in another currency than the contract's says nothing about its price.
charges as (

    select
        orders.subscription_id,
        orders.charge_date,
        -- Of several charges of one day the one that is a price of the contract tells it, and not
        -- the set-up beside it; else they are parts of one.
        coalesce(
            max(orders.order_amount) filter (where versions.subscription_id is not null),
            sum(orders.order_amount) filter (
                where orders.currency_code = first_versions.currency_code
            )
        ) as charged_amount
    from orders
    inner join first_versions on orders.subscription_id = first_versions.subscription_id
    left join versions
        on
            orders.subscription_id = versions.subscription_id
            and orders.order_amount = versions.period_amount
            and orders.currency_code = versions.currency_code
    group by orders.subscription_id, orders.charge_date

),

-- How many periods lie between two charges, at most three, so that a pause breaks no rhythm.
pairs as (

    select
        charges.subscription_id,
        charges.charge_date,
        later_charges.charge_date as later_date,
        round(
            (later_charges.charge_date - charges.charge_date) / first_versions.period_days
        )::integer as period_count
    from charges
    inner join first_versions on charges.subscription_id = first_versions.subscription_id
    inner join charges as later_charges
        on
            charges.subscription_id = later_charges.subscription_id
            and charges.charge_date < later_charges.charge_date
            and charges.charge_date + (3.2 * first_versions.period_days)::integer
            >= later_charges.charge_date

),

matched as (

    select
        pairs.subscription_id,
        pairs.charge_date,
        pairs.later_date
    from pairs
    inner join first_versions on pairs.subscription_id = first_versions.subscription_id
    where
        pairs.period_count >= 1
        and abs(
            pairs.later_date - (
                pairs.charge_date + to_months(pairs.period_count * first_versions.month_count)
            )::date - pairs.period_count * first_versions.day_count
        ) <= first_versions.tolerance_days

),

-- A charge in rhythm with another is for a whole period. The others are prorated, or come once.
regular_days as (

    select
        subscription_id,
        charge_date
    from matched
    union
    select
        subscription_id,
        later_date
    from matched

),

stated as (

    select
        charges.subscription_id,
        charges.charge_date,
        first_versions.period_amount,
        -- What begins between two regular charges is what the next regular one is for.
        first_value(
            case when regular_days.charge_date is not null then charges.charged_amount end
            ignore nulls
        ) over (
            partition by charges.subscription_id order by charges.charge_date
            rows between current row and unbounded following
        ) as told_amount,
        charges.charge_date > coalesce(
            first_versions.last_seen_date, charges.charge_date
        ) as is_after_first_version
    from charges
    inner join first_versions on charges.subscription_id = first_versions.subscription_id
    left join regular_days
        on
            charges.subscription_id = regular_days.subscription_id
            and charges.charge_date = regular_days.charge_date

),

compared as (

    select
        *,
        lag(told_amount) over (
            partition by subscription_id order by charge_date
        ) as previous_told_amount,
        count(*) over and_later = count(told_amount) over and_later
        and min(told_amount) over and_later = max(told_amount) over and_later as is_unchanged_since
    from stated
    window
        and_later as (
            partition by subscription_id, is_after_first_version order by charge_date
            rows between current row and unbounded following
        )

)

select
    subscription_id,
    charge_date,
    case
        when is_after_first_version and told_amount != previous_told_amount then told_amount
        when is_after_first_version then null
        when told_amount is null or is_unchanged_since then period_amount
        else told_amount
    end as price_amount
from compared
