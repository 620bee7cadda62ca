with contacts as (

    select * from {{ ref('int_contacts_resolved_to_persons') }}

),

-- A charge arrived for them, whatever was given back later.
charged_orders as (

    select
        orders.order_id,
        orders.person_id,
        orders.subscription_id,
        orders.order_type,
        orders.coupon_code,
        points.contracted_amount_reporting,
        orders.ordered_date,
        greatest(orders.ordered_date, orders.first_paid_date) as known_date
    from {{ ref('fct_orders') }} as orders
    inner join {{ ref('fct_revenue_points') }} as points
        on orders.order_id = points.order_id and points.point_type in ('order', 'renewal')
    where orders.person_id is not null and orders.first_paid_date is not null

),

paid_subscriptions as (

    select
        subscription_id,
        min(known_date) as known_date
    from charged_orders
    where subscription_id is not null
    group by subscription_id

),

subscriptions as (

    select
        subscriptions.subscription_id,
        contacts.person_id,
        paid_subscriptions.known_date,
        {{ business_date('subscriptions.started_at') }} as started_date,
        {{ business_date('subscriptions.ended_at') }} as ended_date
    from {{ ref('stg_crm__subscriptions') }} as subscriptions
    inner join paid_subscriptions
        on subscriptions.subscription_id = paid_subscriptions.subscription_id
    inner join contacts on subscriptions.contact_id = contacts.contact_id
    where subscriptions.is_known

),

persona_versions as (

    select
        contacts.person_id,
        versions.contact_id || '/' || versions.version_number as fact_key,
        versions.persona,
        versions.known_date
    from {{ ref('stg_crm__contact_versions') }} as versions
    inner join contacts on versions.contact_id = contacts.contact_id
    where
        versions.persona is not null
        and versions.contact_id not in (
            select erased.contact_id from {{ ref('stg_crm__contacts') }} as erased
            where erased.is_erased
        )

)

-- Orders of subscriptions follow a contract, not a habit.
select
    person_id,
    'order' as fact_type,
    order_id as fact_key,
    contracted_amount_reporting::double as fact_value,
    coupon_code is not null as has_coupon,
    null::varchar as persona,
    ordered_date as fact_date,
    known_date
from charged_orders
where subscription_id is null and order_type != 'renewal'
union all
select
    person_id,
    'subscription_start',
    subscription_id,
    null,
    null,
    null,
    started_date,
    greatest(started_date, known_date)
from subscriptions
union all
select
    person_id,
    'subscription_end',
    subscription_id,
    null,
    null,
    null,
    ended_date,
    greatest(ended_date, known_date)
from subscriptions
where ended_date is not null
union all
select
    person_id,
    'visit',
    session_id,
    null,
    null,
    null,
    session_date as fact_date,
    session_date as known_date
from {{ ref('fct_sessions') }}
where person_id is not null
union all
select
    person_id,
    'activity',
    touchpoint_id,
    null,
    null,
    null,
    occurred_date as fact_date,
    occurred_date as known_date
from {{ ref('fct_touchpoints') }}
where person_id is not null and touchpoint_type = 'activity' and is_own_act
union all
select
    person_id,
    'ticket',
    ticket_id,
    null,
    null,
    null,
    opened_date as fact_date,
    opened_date as known_date
from {{ ref('fct_tickets') }}
where person_id is not null
union all
select
    person_id,
    'ticket_resolved',
    ticket_id,
    null,
    null,
    null,
    resolved_date,
    greatest(opened_date, resolved_date)
from {{ ref('fct_tickets') }}
where person_id is not null and resolved_date is not null
union all
select
    person_id,
    metric,
    survey_score_id,
    score_rate::double,
    null,
    null,
    responded_date as fact_date,
    responded_date as known_date
from {{ ref('fct_survey_scores') }}
where person_id is not null and metric in ('nps', 'csat') and score_rate is not null
union all
select
    person_id,
    'persona',
    fact_key,
    null,
    null,
    persona,
    known_date as fact_date,
    known_date
from persona_versions
