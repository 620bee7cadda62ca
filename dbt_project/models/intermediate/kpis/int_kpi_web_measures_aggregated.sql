{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with sessions as (

    select * from {{ touched_rows('fct_sessions') }}

),

events as (

    select * from {{ ref('int_web_events_matched_to_sessions') }}
    where
        is_significant
        and event_name in ('add_to_cart', 'purchase')
        and {{ is_touched_visitor('visitor_id') }}

),

touchpoints as (

    select * from {{ touched_rows('int_touchpoints_numbered') }}

),

personas as (

    select
        person_id,
        persona
    from {{ touched_rows('int_persons_described') }}

),

-- Sessions that filled a cart, and those of them that left it.
carts as (

    select
        session_id,
        bool_or(event_name = 'purchase') as has_purchase
    from events
    group by session_id
    having bool_or(event_name = 'add_to_cart')

),

measures as (

    select
        sessions.person_id,
        personas.persona,
        sessions.channel,
        sessions.device_type,
        sessions.session_date as kpi_date,
        1 as sessions,
        sessions.is_engaged::integer as engaged_sessions,
        sessions.is_first_of_day::integer as visitors,
        (sessions.visitor_session_number = 1)::integer as new_visitors,
        (carts.session_id is not null)::integer as cart_sessions,
        coalesce(not carts.has_purchase, false)::integer as abandoned_carts,
        0 as document_requests,
        0 as cart_adds,
        0 as referrals
    from sessions
    left join personas on sessions.person_id = personas.person_id
    left join carts on sessions.session_id = carts.session_id
    union all
    select
        touchpoints.person_id,
        touchpoints.persona,
        touchpoints.channel,
        touchpoints.device_type,
        {{ business_date('touchpoints.occurred_at') }} as kpi_date,
        0 as sessions,
        0 as engaged_sessions,
        0 as visitors,
        0 as new_visitors,
        0 as cart_sessions,
        0 as abandoned_carts,
        (touchpoints.touchpoint_name is not distinct from 'generate_lead')::integer
            as document_requests,
        (touchpoints.touchpoint_name is not distinct from 'add_to_cart')::integer as cart_adds,
        (touchpoints.touchpoint_type = 'referral')::integer as referrals
    from touchpoints
    where
        touchpoints.touchpoint_type = 'referral'
        or (
            touchpoints.touchpoint_type = 'web_event'
            and touchpoints.touchpoint_name in ('generate_lead', 'add_to_cart')
        )

)

select
    person_id,
    persona,
    channel,
    device_type,
    kpi_date,
    sum(sessions)::integer as sessions,
    sum(engaged_sessions)::integer as engaged_sessions,
    sum(visitors)::integer as visitors,
    sum(new_visitors)::integer as new_visitors,
    sum(cart_sessions)::integer as cart_sessions,
    sum(abandoned_carts)::integer as abandoned_carts,
    sum(document_requests)::integer as document_requests,
    sum(cart_adds)::integer as cart_adds,
    sum(referrals)::integer as referrals
from measures
group by person_id, persona, channel, device_type, kpi_date
