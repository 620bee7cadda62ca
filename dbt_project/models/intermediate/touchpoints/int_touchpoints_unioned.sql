with sessions as (

    select * from {{ ref('int_sessions_resolved_to_persons') }}

),

events as (

    select * from {{ ref('int_web_events_classified') }}
    where exclusion_reason is null

),

sessionized_events as (

    select * from {{ ref('int_web_events_sessionized') }}

),

significant_events as (

    select * from {{ ref('significant_events') }}

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

-- An order placed on the web came through the channel of the visit in which it was placed.
order_sessions as (

    select
        events.order_id,
        sessions.session_id,
        sessions.channel
    from events
    inner join sessionized_events on events.event_id = sessionized_events.event_id
    inner join sessions on sessionized_events.session_id = sessions.session_id
    where events.order_id is not null
    qualify row_number() over (
        partition by events.order_id order by events.occurred_at, events.event_id
    ) = 1

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
        sessions.utm_campaign as campaign,
        sessions.session_id,
        null as event_id,
        null as activity_id,
        null as deal_id,
        null as order_id,
        null as ticket_id,
        null as response_id,
        null as metric,
        null::varchar as currency_code,
        null::integer as score,
        null::decimal(18, 2) as cost_amount,
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
            when visitors.is_shared_device then coalesce(users.person_id, sessions.person_id)
            else sessions.person_id
        end,
        null,
        null,
        sessions.channel,
        sessions.utm_campaign,
        sessions.session_id,
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
    inner join significant_events on events.event_name = significant_events.event_name
    inner join sessionized_events on events.event_id = sessionized_events.event_id
    inner join sessions on sessionized_events.session_id = sessions.session_id
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
        case when orders.is_paid then 'paid' else 'unpaid' end,
        null,
        'contact',
        orders.contact_id,
        coalesce(order_sessions.channel, 'unassigned'),
        null,
        order_sessions.session_id,
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
        answers.order_id,
        null,
        answers.response_id,
        answers.metric,
        null,
        answers.score,
        null,
        true,
        answers.is_public_review,
        answers.responded_at
    from answers

)

select
    unioned.touchpoint_id,
    unioned.source,
    unioned.touchpoint_type,
    unioned.touchpoint_name,
    unioned.channel,
    unioned.campaign,
    unioned.session_id,
    unioned.event_id,
    unioned.activity_id,
    unioned.deal_id,
    unioned.order_id,
    unioned.ticket_id,
    unioned.response_id,
    unioned.metric,
    unioned.currency_code,
    unioned.score,
    unioned.cost_amount,
    unioned.is_inbound,
    unioned.is_public_review,
    unioned.occurred_at,
    coalesce(unioned.person_id, identifiers.person_id) as person_id
from unioned
left join identifiers
    on
        unioned.identifier_type = identifiers.identifier_type
        and unioned.identifier_value = identifiers.identifier_value
