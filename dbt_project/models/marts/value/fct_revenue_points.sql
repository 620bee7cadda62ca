with points as (

    select * from {{ ref('int_revenue_points_placed') }}

),

value_stage_rules as (

    select * from {{ versions('value_stage_rules', ['rule_order']) }}

),

staged as (

    select
        points.*,
        value_stage_rules.value_stage
    from points
    inner join value_stage_rules
        on
            points.value_type = value_stage_rules.value_type
            and {{ holds_on('value_stage_rules', 'points.occurred_date') }}
            and (value_stage_rules.stage is null or points.stage = value_stage_rules.stage)
    qualify row_number() over (
        partition by points.revenue_point_id order by value_stage_rules.rule_order
    ) = 1

),

-- Sequence, sums and waiting times follow a customer's own order of points.
sequenced as (

    select
        *,
        row_number() over customer_points as point_number,
        sum(paid_amount) over (
            partition by person_id, currency_code
            order by occurred_at, point_order, revenue_point_id
            rows between unbounded preceding and current row
        ) as cumulative_paid_amount,
        min(case when point_type = 'payment' and paid_amount > 0 then paid_at end) over (
            partition by person_id
        ) as first_payment_at,
        lag(occurred_at) over customer_points as previous_point_at
    from staged
    window
        customer_points as (
            partition by person_id order by occurred_at, point_order, revenue_point_id
        )

)

select
    revenue_point_id,
    person_id,
    journey_id,
    order_id,
    payment_id,
    subscription_id,
    preceding_touchpoint_id,
    point_type,
    value_type,
    value_stage,
    stage,
    preceding_channel,
    last_score_metric,
    currency_code,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    contracted_amount::decimal(18, 3) as contracted_amount,
    billed_amount::decimal(18, 3) as billed_amount,
    paid_amount::decimal(18, 3) as paid_amount,
    case when person_id is not null then cumulative_paid_amount end::decimal(18, 3)
        as cumulative_paid_amount,
    {{ in_money('contracted_amount::decimal(20, 3) * reporting_rate', reporting_currency()) }}
        as contracted_amount_reporting,
    {{ in_money('billed_amount::decimal(20, 3) * reporting_rate', reporting_currency()) }}
        as billed_amount_reporting,
    {{ in_money('paid_amount::decimal(20, 3) * reporting_rate', reporting_currency()) }}
        as paid_amount_reporting,
    case when person_id is not null then point_number end::integer as point_number,
    paid_order_number::integer as paid_order_number,
    last_score_rate::decimal(9, 4) as last_score_rate,
    open_ticket_count::integer as open_ticket_count,
    case
        when person_id is not null and occurred_at >= first_payment_at
            then {{ seconds_between('first_payment_at', 'occurred_at') }}
    end::bigint as since_first_payment_seconds,
    case
        when person_id is not null
            then {{ seconds_between('previous_point_at', 'occurred_at') }}
    end::bigint as since_previous_point_seconds,
    case
        when paid_amount > 0 then {{ seconds_between('delivered_at', 'paid_at') }}
    end::bigint as delivery_to_payment_seconds,
    is_order_paid,
    is_last_score_at_risk,
    {{ business_date('contracted_at') }} as contracted_date,
    {{ business_date('billed_at') }} as billed_date,
    {{ business_date('paid_at') }} as paid_date,
    {{ business_date('delivered_at') }} as delivered_date,
    {{ business_date('occurred_at') }} as occurred_date,
    contracted_at,
    billed_at,
    paid_at,
    delivered_at,
    occurred_at
from sequenced
