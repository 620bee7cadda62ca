{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with identifiers as (

    select * from {{ touched_rows('dim_person_identifiers') }}

),

touchpoints as (

    select * from {{ touched_rows('int_touchpoints_numbered') }}
    where person_id is not null

),

touchpoint_types as (

    select * from {{ ref('touchpoint_types') }}

),

described as (

    select * from {{ touched_rows('int_persons_described') }}

),

transitions as (

    select * from {{ touched_rows('fct_stage_transitions') }}

),

revenue_points as (

    select * from {{ ref('fct_revenue_points') }}
    where person_id is not null and {{ is_touched_person('person_id') }}

),

persons as (

    select
        person_id,
        count(*) as identifier_count,
        count(*) filter (where identifier_type = 'visitor') as visitor_count,
        min(first_seen_at) as first_seen_at
    from identifiers
    group by person_id

),

numbered_touches as (

    select
        touchpoints.*,
        {{ bringing_columns('touchpoints.touchpoint_number', 'touchpoints.person_id') }}
    from touchpoints
    inner join touchpoint_types on touchpoints.touchpoint_type = touchpoint_types.touchpoint_type

),

-- Channels are those of touches that bring a person: a payment or a survey brings nobody.
touched as (

    select
        person_id,
        arg_min(touchpoint_id, touchpoint_number) as first_touchpoint_id,
        arg_min(bringing_channel, touchpoint_number) as first_channel,
        arg_max(bringing_channel, touchpoint_number) as last_channel,
        arg_max(bringing_channel, touchpoint_number)
        filter (where touchpoint_number < first_paid_number) as acquisition_channel,
        count(first_paid_number) > 0 as is_customer,
        count(*) as touchpoint_count,
        min(occurred_at) as first_touch_at,
        max(occurred_at) as last_touch_at
    from numbered_touches
    group by person_id

),

current_stages as (

    select
        person_id,
        to_stage as current_stage
    from transitions
    qualify row_number() over (partition by person_id order by transition_number desc) = 1

),

money as (

    select
        person_id,
        count(distinct order_id) filter (where point_type in ('order', 'renewal')) as order_count,
        count(distinct order_id) filter (
            where point_type in ('order', 'renewal') and is_order_paid
        ) as paid_order_count,
        sum(paid_amount_reporting) as paid_amount_reporting
    from revenue_points
    group by person_id

)

select
    persons.person_id,
    touched.first_touchpoint_id,
    coalesce(described.persona, '(not set)') as persona,
    described.country_code,
    described.account_id,
    described.loyalty_tier,
    current_stages.current_stage,
    case when touched.person_id is not null then coalesce(touched.first_channel, 'unassigned') end
        as first_channel,
    case when touched.person_id is not null then coalesce(touched.last_channel, 'unassigned') end
        as last_channel,
    case when touched.is_customer then coalesce(touched.acquisition_channel, 'unassigned') end
        as acquisition_channel,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    coalesce(money.paid_amount_reporting, 0)::decimal(18, 3) as paid_amount_reporting,
    persons.identifier_count::integer as identifier_count,
    persons.visitor_count::integer as visitor_count,
    coalesce(described.contact_count, 0)::integer as contact_count,
    coalesce(touched.touchpoint_count, 0)::integer as touchpoint_count,
    coalesce(money.order_count, 0)::integer as order_count,
    coalesce(money.paid_order_count, 0)::integer as paid_order_count,
    coalesce(described.has_marketing_consent, false) as has_marketing_consent,
    coalesce(described.has_analytics_consent, false) as has_analytics_consent,
    described.member_since_at is not null as is_member,
    persons.first_seen_at,
    described.member_since_at,
    touched.first_touch_at,
    touched.last_touch_at
from persons
left join described on persons.person_id = described.person_id
left join touched on persons.person_id = touched.person_id
left join current_stages on persons.person_id = current_stages.person_id
left join money on persons.person_id = money.person_id
