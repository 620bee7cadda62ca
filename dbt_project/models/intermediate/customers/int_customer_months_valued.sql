with purchases as (

    select
        person_id,
        {{ business_date('ordered_at') }} as purchase_date
    from {{ ref('fct_orders') }}
    where person_id is not null and is_paid and order_type != 'renewal'

),

purchase_months as (

    select
        person_id,
        {{ month_start_date('purchase_date') }} as month_start_date,
        count(*) as purchase_count,
        min(purchase_date) as first_date,
        max(purchase_date) as last_date
    from purchases
    group by person_id, {{ month_start_date('purchase_date') }}

),

customers as (

    select
        person_id,
        min(first_date) as first_purchase_date
    from purchase_months
    group by person_id

),

paid_dates as (

    select
        person_id,
        paid_amount_reporting,
        {{ business_date('occurred_at') }} as occurred_date
    from {{ ref('fct_revenue_points') }}

),

money_months as (

    select
        person_id,
        {{ month_start_date('occurred_date') }} as month_start_date,
        sum(paid_amount_reporting) as spent_amount
    from paid_dates
    group by person_id, {{ month_start_date('occurred_date') }}

),

subscribed_months as (

    select distinct
        customer_id as person_id,
        month_start_date
    from {{ ref('int_subscription_months_valued') }}
    where monthly_amount > 0

),

months as (

    select
        month_start_date,
        max(calendar_date) as judged_date
    from {{ ref('dim_dates') }}
    group by month_start_date

),

customer_months as (

    select
        customers.person_id,
        customers.first_purchase_date,
        months.month_start_date,
        months.judged_date,
        purchase_months.purchase_count,
        purchase_months.first_date,
        purchase_months.last_date,
        money_months.spent_amount,
        subscribed_months.person_id is not null as is_subscribed
    from customers
    inner join months on customers.first_purchase_date <= months.judged_date
    left join purchase_months
        on
            customers.person_id = purchase_months.person_id
            and months.month_start_date = purchase_months.month_start_date
    left join money_months
        on
            customers.person_id = money_months.person_id
            and months.month_start_date = money_months.month_start_date
    left join subscribed_months
        on
            customers.person_id = subscribed_months.person_id
            and months.month_start_date = subscribed_months.month_start_date

),

-- A subscription's running month is judged at its end; until then the month before holds.
measured as (

    select
        person_id,
        month_start_date,
        judged_date,
        first_purchase_date,
        first_date,
        max(last_date) over customer_until as last_purchase_date,
        coalesce(sum(purchase_count) over customer_year, 0)::integer as purchase_count,
        coalesce(sum(spent_amount) over customer_year, 0)::decimal(18, 3) as spent_amount_reporting,
        is_subscribed or (
            judged_date < (month_start_date + interval '1 month')::date - 1
            and coalesce(lag(is_subscribed) over customer_until, false)
        ) as is_subscribed
    from customer_months
    window
        customer_until as (
            partition by person_id
            order by month_start_date
            rows between unbounded preceding and current row
        ),
        customer_year as (
            partition by person_id
            order by month_start_date
            rows between 11 preceding and current row
        )

),

lapses as (

    select
        *,
        judged_date - last_purchase_date as days_since_purchase,
        judged_date - last_purchase_date >= {{ var('segment_lapsed_days') }}
        and not is_subscribed as is_lapsed
    from measured

),

returns as (

    select
        *,
        case
            when lag(is_lapsed) over (partition by person_id order by month_start_date)
                then first_date
        end as return_date
    from lapses

)

select
    person_id,
    month_start_date,
    judged_date,
    first_purchase_date,
    last_purchase_date,
    max(return_date) over (
        partition by person_id
        order by month_start_date
        rows between unbounded preceding and current row
    ) as won_back_date,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    spent_amount_reporting,
    purchase_count,
    days_since_purchase::integer as days_since_purchase,
    is_subscribed,
    is_lapsed
from returns
