{{ config(schema='touched') }}

with all_sessions as (

    select * from {{ ref('fct_sessions') }}

),

sessions as (

    select * from {{ touched_rows('fct_sessions') }}

),

events as (

    select * from {{ ref('int_web_events_matched_to_sessions') }}
    where is_significant and {{ is_touched_visitor('visitor_id') }}

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}

),

contacts as (

    select * from {{ ref('stg_crm__contacts') }}
    where is_known

),

activities as (

    select * from {{ ref('stg_crm__activities') }}
    where is_known

),

activity_channels as (

    select * from {{ ref('activity_channels') }}

),

deals as (

    select * from {{ ref('stg_crm__deals') }}

),

deal_stage_changes as (

    select * from {{ ref('stg_crm__deal_stage_changes') }}
    where is_known

),

orders as (

    select * from {{ ref('int_orders_paid') }}

),

payments as (

    select * from {{ ref('stg_crm__payments') }}
    where is_known

),

tickets as (

    select * from {{ ref('stg_crm__tickets') }}
    where is_known

),

answers as (

    select * from {{ ref('int_survey_answers_scored') }}

),

order_sessions as (

    select * from {{ ref('int_orders_matched_to_sessions') }}

),

touchpoint_types as (

    select * from {{ ref('touchpoint_types') }}

),

channels as (

    select * from {{ ref('channels') }}

),

personas as (

    select
        person_id,
        persona
    from {{ touched_rows('int_persons_described') }}

),

-- Every kind on one shape; holders of identifiers are turned into persons below.
unioned as (

    select
        {{ surrogate_key(["'web_session'", 'sessions.session_id']) }} as touchpoint_id,
        'web' as source,
        'web_session' as touchpoint_type,
        'visit' as touchpoint_name,
        sessions.person_id,
        null as identifier_type,
        null as identifier_value,
        sessions.channel,
        sessions.campaign,
        sessions.session_id,
        sessions.device_type,
        null as event_id,
        null as activity_id,
        null as deal_id,
        null as order_id,
        null as ticket_id,
        null as response_id,
        null as metric,
        null::varchar as currency_code,
        null::integer as score,
        null::decimal(18, 3) as cost_amount,
        true as is_inbound,
        false as is_public_review,
        sessions.started_at as occurred_at
    from sessions

    union all

    -- On a shared device a login in the event itself tells more than its session does.
    select
        {{ surrogate_key(["'web_event'", 'events.event_id']) }},
        'web',
        'web_event',
        events.event_name,
        case
            when visitors.is_shared_device then coalesce(users.person_id, all_sessions.person_id)
            else all_sessions.person_id
        end,
        null,
        null,
        all_sessions.channel,
        all_sessions.campaign,
        all_sessions.session_id,
        all_sessions.device_type,
        events.event_id,
        null,
        null,
        events.order_id,
        null,
        null,
        null,
        null,
        null,
        null,
        true,
        false,
        events.occurred_at
    from events
    inner join all_sessions on events.session_id = all_sessions.session_id
    left join identifiers as visitors
        on visitors.identifier_type = 'visitor' and events.visitor_id = visitors.identifier_value
    left join identifiers as users
        on users.identifier_type = 'user' and events.user_id = users.identifier_value

    union all

    select
        {{ surrogate_key(["'activity'", 'activities.activity_id']) }},
        'crm',
        'activity',
        activities.activity_type,
        null,
        'contact',
        activities.contact_id,
        coalesce(activity_channels.channel, 'unassigned'),
        activities.campaign,
        null,
        null,
        null,
        activities.activity_id,
        null,
        null,
        null,
        null,
        null,
        activities.currency_code,
        null,
        activities.cost_amount,
        coalesce(activities.direction = 'inbound', false),
        false,
        activities.occurred_at
    from activities
    left join activity_channels
        on activities.activity_channel = activity_channels.activity_channel

    union all

    select
        {{ surrogate_key(["'deal_stage_change'", 'deal_stage_changes.change_id']) }},
        'crm',
        'deal_stage_change',
        deal_stage_changes.deal_stage,
        null,
        'contact',
        deals.contact_id,
        'sales',
        null,
        null,
        null,
        null,
        null,
        deal_stage_changes.deal_id,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        false,
        false,
        deal_stage_changes.changed_at
    from deal_stage_changes
    left join deals on deal_stage_changes.deal_id = deals.deal_id

    union all

    select
        {{ surrogate_key(["'referral'", 'contacts.contact_id']) }},
        'crm',
        'referral',
        'referral',
        null,
        'contact',
        contacts.referred_by_contact_id,
        'unassigned',
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        true,
        false,
        contacts.created_at
    from contacts
    where contacts.referred_by_contact_id is not null

    union all

    select
        {{ surrogate_key(["'order'", 'orders.order_id']) }},
        'crm',
        'order',
        case
            when orders.is_paid then 'paid'
            when orders.first_paid_at is not null then 'refunded'
            else 'unpaid'
        end,
        null,
        'contact',
        orders.contact_id,
        coalesce(order_sessions.channel, 'unassigned'),
        null,
        order_sessions.session_id,
        null,
        null,
        null,
        null,
        orders.order_id,
        null,
        null,
        null,
        null,
        null,
        null,
        true,
        false,
        orders.ordered_at
    from orders
    left join order_sessions on orders.order_id = order_sessions.order_id

    union all

    select
        {{ surrogate_key(["'delivery'", 'orders.order_id']) }},
        'crm',
        'delivery',
        'delivery',
        null,
        'contact',
        orders.contact_id,
        'unassigned',
        null,
        null,
        null,
        null,
        null,
        null,
        orders.order_id,
        null,
        null,
        null,
        null,
        null,
        null,
        false,
        false,
        orders.delivered_at
    from orders
    where orders.delivered_at is not null

    union all

    select
        {{ surrogate_key(["'payment'", 'payments.payment_id']) }},
        'crm',
        'payment',
        payments.payment_type,
        null,
        'contact',
        orders.contact_id,
        'unassigned',
        null,
        null,
        null,
        null,
        null,
        null,
        payments.order_id,
        null,
        null,
        null,
        null,
        null,
        null,
        payments.payment_type = 'charge',
        false,
        payments.paid_at
    from payments
    left join orders on payments.order_id = orders.order_id

    union all

    select
        {{ surrogate_key(["'ticket'", 'tickets.ticket_id']) }},
        'crm',
        'ticket',
        coalesce(tickets.ticket_category, 'ticket'),
        null,
        case when tickets.contact_id is not null then 'contact' else 'email' end,
        coalesce(tickets.contact_id, tickets.email_hash),
        'unassigned',
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        tickets.ticket_id,
        null,
        null,
        null,
        null,
        null,
        true,
        false,
        tickets.opened_at
    from tickets

    union all

    select
        {{ surrogate_key(["'survey_answer'", 'answers.answer_id']) }},
        'survey',
        'survey_answer',
        answers.survey_id || '/' || answers.question_id,
        null,
        answers.identifier_type,
        answers.identifier_value,
        'unassigned',
        null,
        null,
        null,
        null,
        null,
        null,
        answers.order_id,
        null,
        answers.response_id,
        answers.metric,
        null,
        floor(answers.scaled_score)::integer,
        null,
        true,
        answers.is_public_review,
        answers.responded_at
    from answers

),

resolved as (

    select
        unioned.*,
        identifiers.person_id as identified_person_id
    from unioned
    left join identifiers
        on
            unioned.identifier_type = identifiers.identifier_type
            and unioned.identifier_value = identifiers.identifier_value
    where {{ is_touched_person('coalesce(unioned.person_id, identifiers.person_id)') }}

),

touchpoints as (

    select
        * exclude (person_id, identified_person_id, identifier_type, identifier_value),
        coalesce(person_id, identified_person_id) as person_id
    from resolved

)

select
    touchpoints.*,
    personas.persona,
    touchpoint_types.type_order,
    channels.is_online,
    case
        when touchpoints.person_id is not null
            then row_number() over (
                partition by touchpoints.person_id
                order by
                    touchpoints.occurred_at, touchpoint_types.type_order, touchpoints.touchpoint_id
            )
    end as touchpoint_number,
    case
        when touchpoints.person_id is not null
            then row_number() over (
                partition by
                    touchpoints.person_id, touchpoints.touchpoint_type, touchpoints.touchpoint_name
                order by touchpoints.occurred_at, touchpoints.touchpoint_id
            )
    end as type_number
from touchpoints
inner join touchpoint_types on touchpoints.touchpoint_type = touchpoint_types.touchpoint_type
inner join channels on touchpoints.channel = channels.channel
left join personas on touchpoints.person_id = personas.person_id
