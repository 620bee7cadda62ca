with revenue_points as (

    select
        *,
        {{ month_start_date(business_date('occurred_at')) }} as month_start_date
    from {{ ref('fct_revenue_points') }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

-- Days from a payment to the customer's next one.
payments as (

    select
        revenue_point_id,
        {{ seconds_between(
            'paid_at',
            'lead(paid_at) over (partition by person_id order by paid_at, revenue_point_id)'
        ) }} as next_payment_seconds
    from revenue_points
    where person_id is not null and paid_amount > 0

),

judged as (

    select
        revenue_points.*,
        coalesce(persons.persona, '(no customer)') as persona,
        payments.next_payment_seconds,
        -- Once per order, where it was placed. In the join it would compare all pairs of rows.
        case
            when revenue_points.point_type in ('order', 'renewal')
                then orders.unpaid_amount_reporting
        end as unpaid_amount_reporting,
        -- At risk: by the class of the last score, or with a ticket open at the time.
        coalesce(revenue_points.is_last_score_at_risk, false)
        or revenue_points.open_ticket_count > 0 as is_at_risk
    from revenue_points
    left join persons on revenue_points.person_id = persons.person_id
    left join payments on revenue_points.revenue_point_id = payments.revenue_point_id
    left join orders on revenue_points.order_id = orders.order_id

),

summarised as (

    select
        month_start_date,
        value_stage,
        persona,
        count(distinct person_id) as customer_count,
        count(*) as revenue_point_count,
        sum(paid_amount_reporting) as paid_amount_reporting,
        sum(case when is_at_risk then greatest(paid_amount_reporting, 0) else 0 end)
            as at_risk_amount_reporting,
        sum(last_score_rate)::double / nullif(count(last_score_rate), 0) as satisfaction_rate,
        count(*) filter (where open_ticket_count > 0)::double / count(*) as ticket_rate,
        sum(next_payment_seconds)::double
        / nullif(count(next_payment_seconds) * 86400, 0) as next_payment_days,
        sum(paid_amount_reporting) filter (
            where point_type = 'payment' and delivery_to_payment_seconds < 0
        ) as prepaid_amount_reporting,
        sum(paid_amount_reporting) filter (
            where point_type = 'payment' and delivery_to_payment_seconds > 0
        ) as pay_later_amount_reporting,
        sum(unpaid_amount_reporting) as unpaid_amount_reporting,
        -- Days of more money count more.
        (
            sum(delivery_to_payment_seconds * paid_amount_reporting)
            / nullif(
                sum(paid_amount_reporting) filter (
                    where delivery_to_payment_seconds is not null
                ) * 86400, 0
            )
        )::double as delivery_to_payment_days
    from judged
    group by month_start_date, value_stage, persona

)

select
    {{ surrogate_key(['month_start_date', 'value_stage', 'persona']) }} as value_journey_id,
    value_stage,
    persona,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    coalesce(paid_amount_reporting, 0)::decimal(18, 3) as paid_amount_reporting,
    coalesce(at_risk_amount_reporting, 0)::decimal(18, 3) as at_risk_amount_reporting,
    coalesce(prepaid_amount_reporting, 0)::decimal(18, 3) as prepaid_amount_reporting,
    coalesce(pay_later_amount_reporting, 0)::decimal(18, 3) as pay_later_amount_reporting,
    coalesce(unpaid_amount_reporting, 0)::decimal(18, 3) as unpaid_amount_reporting,
    customer_count::integer as customer_count,
    revenue_point_count::integer as revenue_point_count,
    round(
        paid_amount_reporting::double
        / nullif(sum(paid_amount_reporting) over (partition by month_start_date), 0), 6
    )::double as paid_share,
    round(satisfaction_rate, 6)::double as satisfaction_rate,
    round(ticket_rate, 6)::double as ticket_rate,
    round(next_payment_days, 6)::double as next_payment_days,
    round(delivery_to_payment_days, 6)::double as delivery_to_payment_days,
    round(
        at_risk_amount_reporting::double * (1 - coalesce(satisfaction_rate, 0.5)), 6
    )::double as priority_score,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from summarised
