{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with touchpoints as (

    select * from {{ touched_rows('int_touchpoints_numbered') }}

),

journey_touchpoints as (

    select * from {{ touched_rows('int_touchpoints_assigned_to_journeys') }}

),

signals as (

    select * from {{ touched_rows('int_stage_signals_matched') }}

)

select
    touchpoints.touchpoint_id,
    touchpoints.person_id,
    journey_touchpoints.journey_id,
    touchpoints.session_id,
    touchpoints.activity_id,
    touchpoints.deal_id,
    touchpoints.order_id,
    touchpoints.ticket_id,
    touchpoints.response_id,
    touchpoints.source,
    touchpoints.touchpoint_type,
    touchpoints.touchpoint_name,
    touchpoints.channel,
    touchpoints.campaign,
    touchpoints.persona,
    signals.stage as signalled_stage,
    touchpoints.currency_code,
    touchpoints.cost_amount::decimal(18, 3) as cost_amount,
    touchpoints.touchpoint_number::integer as touchpoint_number,
    touchpoints.is_online,
    touchpoints.is_inbound,
    touchpoints.is_own_act,
    {{ business_date('touchpoints.occurred_at') }} as occurred_date,
    touchpoints.occurred_at
from touchpoints
left join journey_touchpoints on touchpoints.touchpoint_id = journey_touchpoints.touchpoint_id
left join signals on touchpoints.touchpoint_id = signals.touchpoint_id
