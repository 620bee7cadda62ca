with customers as (

    select * from {{ ref('int_customers_described') }}

),

own_segments as (

    select
        person_id,
        string_agg(
            segmentation || ': ' || segment, ' | ' order by segmentation
        ) as own_segments
    from {{ ref('fct_person_segments') }}
    where is_own_segment and segment != 'other'
    group by person_id

),

next_actions as (

    select
        person_id,
        next_action
    from {{ ref('fct_next_actions') }}
    where next_action is not null and not is_hold_out

)

select
    customers.person_id,
    customers.persona,
    customers.country_code,
    customers.account_id,
    customers.loyalty_tier,
    customers.first_channel,
    customers.last_channel,
    customers.acquisition_channel,
    customers.current_stage,
    customers.current_stage_five,
    customers.current_stage_four,
    customers.lifecycle,
    customers.rfm_segment,
    customers.value_tier,
    own_segments.own_segments,
    next_actions.next_action,
    customers.reporting_currency_code,
    customers.paid_amount_reporting,
    customers.spent_amount_reporting,
    customers.expected_amount_reporting,
    customers.risk_band,
    customers.behaviour_group,
    customers.churn_risk_rate,
    customers.recency_score,
    customers.frequency_score,
    customers.monetary_score,
    customers.journey_count,
    customers.order_count,
    customers.paid_order_count,
    customers.purchase_count,
    customers.days_since_purchase,
    customers.open_ticket_count,
    customers.last_nps_score,
    customers.last_csat_score,
    customers.has_marketing_consent,
    customers.has_analytics_consent,
    customers.is_member,
    customers.is_subscribed,
    customers.first_purchase_date,
    customers.last_purchase_date,
    customers.member_since_at,
    customers.first_touch_at,
    customers.last_touch_at,
    customers.last_answered_at
from customers
left join own_segments on customers.person_id = own_segments.person_id
left join next_actions on customers.person_id = next_actions.person_id
