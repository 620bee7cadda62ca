with points as (

    select
        *,
        {{ business_date('occurred_at') }} as occurred_date
    from {{ ref('int_revenue_points_unioned') }}

),

classified_orders as (

    select * from {{ ref('int_orders_classified') }}

),

touchpoints as not materialized (

    select * from {{ ref('fct_touchpoints') }}

),

touch_types as (

    select * from {{ ref('touchpoint_types') }}
    where is_marketing_touch

),

stage_intervals as (

    select * from {{ ref('fct_stage_intervals') }}

),

survey_scores as (

    select * from {{ ref('fct_survey_scores') }}
    where metric in ('nps', 'csat', 'ces')

),

tickets as (

    select * from {{ ref('stg_crm__tickets') }}
    where is_known

),

rates as (

    select *
    from {{ ref('currency_rates') }}
    where reporting_currency_code = {{ reporting_currency() }}

),

typed as (

    select
        points.*,
        case
            when points.point_type in ('refund', 'chargeback') then 'refund'
            else coalesce(classified_orders.value_type, 'repeat')
        end as value_type,
        classified_orders.paid_order_number,
        classified_orders.earning_order_id,
        -- Money of an order that never arrived was earned by then.
        case
            when classified_orders.order_id is null then points.occurred_at
            else classified_orders.earning_ordered_at
        end as earned_at,
        {{ reporting_rate('points.currency_code') }} as reporting_rate
    from points
    left join classified_orders on points.order_id = classified_orders.order_id
    -- The rate of the day: the newest that holds by then.
    asof left join rates
        on points.currency_code = rates.currency_code and points.occurred_date >= rates.rate_date

),

-- A revenue point lies in the journey of the touchpoint that is the same business event: an order,
-- or a payment. Invoices are no touchpoints, so they lie in their order's journey.
own_touchpoints as (

    select
        typed.revenue_point_id,
        touchpoints.journey_id
    from typed
    inner join touchpoints
        on touchpoints.touchpoint_id = case
            when typed.payment_id is not null
                then {{ surrogate_key(["'payment'", 'typed.payment_id']) }}
            else {{ surrogate_key(["'order'", 'typed.order_id']) }}
        end

),

-- Of what a customer did, what came before the money and is not itself money.
preceding_candidates as (

    select
        person_id,
        touchpoint_id,
        occurred_at
    from touchpoints
    where
        person_id in (select typed.person_id from typed)
        and touchpoint_type not in ('order', 'payment', 'delivery', 'referral')
    -- Of several at one instant the last in total order stands for it.
    qualify row_number() over (
        partition by person_id, occurred_at order by touchpoint_number desc
    ) = 1

),

preceded as (

    select
        typed.*,
        preceding_candidates.touchpoint_id as preceding_touchpoint_id
    from typed
    asof left join preceding_candidates
        on
            typed.person_id = preceding_candidates.person_id
            and typed.occurred_at > preceding_candidates.occurred_at

),

-- Touches that bring somebody, and whose channel is known.
bringing_touches as (

    select
        touchpoints.person_id,
        touchpoints.occurred_at,
        touchpoints.channel
    from touchpoints
    inner join touch_types on touchpoints.touchpoint_type = touch_types.touchpoint_type
    where
        touchpoints.person_id in (select typed.person_id from typed)
        and touchpoints.channel != 'unassigned'
    qualify row_number() over (
        partition by touchpoints.person_id, touchpoints.occurred_at
        order by touchpoints.touchpoint_number desc
    ) = 1

),

-- All money of an order belongs to what brought the order: the visit in which it was placed, else
-- the last touch that brings before it; that of a renewal to what brought the subscription, which
-- is unknown where its start is. Neither a survey nor a payment brings money.
brought as (

    select
        preceded.*,
        coalesce(order_touchpoints.channel, bringing_touches.channel) as preceding_channel
    from preceded
    left join touchpoints as order_touchpoints
        on
            {{ surrogate_key(["'order'", 'preceded.earning_order_id']) }}
            = order_touchpoints.touchpoint_id
            and order_touchpoints.channel != 'unassigned'
    -- DuckDB (1.5.6) pairs a null of an asof join with some row, once there are thousands of them.
    asof left join bringing_touches
        on
            preceded.person_id = bringing_touches.person_id
            and coalesce(preceded.earned_at, timestamp '0001-01-01 00:00:00')
            > bringing_touches.occurred_at

),

last_scores as (

    select
        person_id,
        metric,
        score_rate,
        is_at_risk,
        responded_at
    from survey_scores
    where person_id is not null
    qualify row_number() over (
        partition by person_id, responded_at order by survey_score_id desc
    ) = 1

),

satisfied as (

    select
        brought.*,
        last_scores.metric as last_score_metric,
        last_scores.score_rate as last_score_rate,
        last_scores.is_at_risk as is_last_score_at_risk
    from brought
    asof left join last_scores
        on
            brought.person_id = last_scores.person_id
            and brought.occurred_at > last_scores.responded_at

),

ticket_holders as (

    select
        touchpoints.person_id,
        tickets.opened_at,
        tickets.resolved_at
    from tickets
    inner join touchpoints on tickets.ticket_id = touchpoints.ticket_id

),

open_tickets as (

    select
        typed.revenue_point_id,
        count(*) as open_ticket_count
    from typed
    inner join ticket_holders
        on
            typed.person_id = ticket_holders.person_id
            and typed.occurred_at >= ticket_holders.opened_at
            and (
                ticket_holders.resolved_at is null
                or typed.occurred_at < ticket_holders.resolved_at
            )
    group by typed.revenue_point_id

),

-- The stay that holds the point; of stays that end at its instant the one it enters.
stages_then as (

    select
        typed.revenue_point_id,
        stage_intervals.stage
    from typed
    inner join stage_intervals
        on
            typed.person_id = stage_intervals.person_id
            and typed.occurred_at >= stage_intervals.entered_at
            and (stage_intervals.left_at is null or typed.occurred_at < stage_intervals.left_at)

)

select
    satisfied.*,
    own_touchpoints.journey_id,
    stages_then.stage,
    coalesce(open_tickets.open_ticket_count, 0) as open_ticket_count
from satisfied
left join own_touchpoints on satisfied.revenue_point_id = own_touchpoints.revenue_point_id
left join stages_then on satisfied.revenue_point_id = stages_then.revenue_point_id
left join open_tickets on satisfied.revenue_point_id = open_tickets.revenue_point_id
