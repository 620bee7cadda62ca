{{ config(schema='touched') }}

with identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}

),

-- Every kind on one shape; holders of identifiers are turned into persons below.
unioned as (

    select
        {{ surrogate_key(["'web_session'", 'sessions.session_id']) }} as touchpoint_id,
        'web' as source,
        'web_session' as touchpoint_type,
        'visit' as touchpoint_name,
        sessions.person_id,
        sessions.channel,
        sessions.campaign,
        sessions.session_id,
        sessions.device_type,
        true as is_inbound,
        sessions.started_at as occurred_at
    from {{ touched_rows('fct_sessions') }} as sessions

    union all by name

    -- On a shared device a login in the event itself says more than its session does.
    select
        {{ surrogate_key(["'web_event'", 'events.event_id']) }} as touchpoint_id,
        'web' as source,
        'web_event' as touchpoint_type,
        events.event_name as touchpoint_name,
        case
            when visitors.is_shared_device then coalesce(users.person_id, all_sessions.person_id)
            else all_sessions.person_id
        end as person_id,
        all_sessions.channel,
        all_sessions.campaign,
        all_sessions.session_id,
        all_sessions.device_type,
        events.event_id,
        events.order_id,
        true as is_inbound,
        events.occurred_at
    from {{ ref('int_web_events_matched_to_sessions') }} as events
    inner join {{ ref('fct_sessions') }} as all_sessions
        on events.session_id = all_sessions.session_id
    left join identifiers as visitors
        on visitors.identifier_type = 'visitor' and events.visitor_id = visitors.identifier_value
    left join identifiers as users
        on users.identifier_type = 'user' and events.user_id = users.identifier_value
    where events.is_significant and {{ is_touched_visitor('events.visitor_id') }}

    union all by name

    select
        {{ surrogate_key(["'activity'", 'activities.activity_id']) }} as touchpoint_id,
        'crm' as source,
        'activity' as touchpoint_type,
        activities.activity_type as touchpoint_name,
        'contact' as identifier_type,
        activities.contact_id as identifier_value,
        activity_channels.channel,
        activities.campaign,
        activities.activity_id,
        activities.currency_code,
        activities.cost_amount,
        coalesce(activities.direction = 'inbound', false) as is_inbound,
        judged_kinds.is_own_act as is_act_by_kind,
        activities.occurred_at
    from {{ ref('stg_crm__activities') }} as activities
    left join {{ ref('activity_channels') }} as activity_channels
        on activities.activity_channel = activity_channels.activity_channel
    left join {{ ref('int_activity_kinds_classified') }} as judged_kinds
        on
            activities.activity_type = judged_kinds.activity_type
            and activities.outcome is not distinct from judged_kinds.outcome
    where activities.is_known

    union all by name

    select
        {{ surrogate_key(["'deal_stage_change'", 'deal_stage_changes.change_id']) }}
            as touchpoint_id,
        'crm' as source,
        'deal_stage_change' as touchpoint_type,
        deal_stage_changes.deal_stage as touchpoint_name,
        'contact' as identifier_type,
        deals.contact_id as identifier_value,
        'sales' as channel,
        deal_stage_changes.deal_id,
        false as is_inbound,
        deal_stage_changes.changed_at as occurred_at
    from {{ ref('stg_crm__deal_stage_changes') }} as deal_stage_changes
    left join {{ ref('stg_crm__deals') }} as deals on deal_stage_changes.deal_id = deals.deal_id
    where deal_stage_changes.is_known

    union all by name

    -- Who recommended.
    select
        {{ surrogate_key(["'referral'", 'contact_id']) }} as touchpoint_id,
        'crm' as source,
        'referral' as touchpoint_type,
        'referral' as touchpoint_name,
        referrer_person_id as person_id,
        true as is_inbound,
        created_at as occurred_at
    from {{ ref('int_referrals_matched') }}

    union all by name

    -- Who came on that word.
    select
        {{ surrogate_key(["'recommendation'", 'contact_id']) }} as touchpoint_id,
        'crm' as source,
        'recommendation' as touchpoint_type,
        'recommendation' as touchpoint_name,
        referred_person_id as person_id,
        'word_of_mouth' as channel,
        true as is_inbound,
        created_at as occurred_at
    from {{ ref('int_referrals_matched') }}

    union all by name

    -- An automatic renewal is not ordered by anybody.
    select
        {{ surrogate_key(["'order'", 'orders.order_id']) }} as touchpoint_id,
        'crm' as source,
        'order' as touchpoint_type,
        case
            when orders.is_paid then 'paid'
            when orders.first_paid_at is not null then 'refunded'
            else 'unpaid'
        end as touchpoint_name,
        'contact' as identifier_type,
        orders.contact_id as identifier_value,
        order_sessions.channel,
        order_sessions.session_id,
        orders.order_id,
        orders.order_type != 'renewal' as is_inbound,
        orders.ordered_at as occurred_at
    from {{ ref('int_orders_paid') }} as orders
    left join {{ ref('int_orders_matched_to_sessions') }} as order_sessions
        on orders.order_id = order_sessions.order_id

    union all by name

    select
        {{ surrogate_key(["'delivery'", 'orders.order_id']) }} as touchpoint_id,
        'crm' as source,
        'delivery' as touchpoint_type,
        'delivery' as touchpoint_name,
        'contact' as identifier_type,
        orders.contact_id as identifier_value,
        orders.order_id,
        false as is_inbound,
        orders.delivered_at as occurred_at
    from {{ ref('int_orders_paid') }} as orders
    where orders.delivered_at is not null

    union all by name

    select
        {{ surrogate_key(["'payment'", 'payments.payment_id']) }} as touchpoint_id,
        'crm' as source,
        'payment' as touchpoint_type,
        payments.payment_type as touchpoint_name,
        'contact' as identifier_type,
        orders.contact_id as identifier_value,
        payments.order_id,
        payments.payment_type = 'charge' as is_inbound,
        payments.paid_at as occurred_at
    from {{ ref('stg_crm__payments') }} as payments
    left join {{ ref('int_orders_paid') }} as orders on payments.order_id = orders.order_id
    where payments.is_known

    union all by name

    select
        {{ surrogate_key(["'ticket'", 'tickets.ticket_id']) }} as touchpoint_id,
        'crm' as source,
        'ticket' as touchpoint_type,
        coalesce(tickets.ticket_category, 'ticket') as touchpoint_name,
        case when tickets.contact_id is not null then 'contact' else 'email' end as identifier_type,
        coalesce(tickets.contact_id, tickets.email_hash) as identifier_value,
        tickets.ticket_id,
        true as is_inbound,
        tickets.opened_at as occurred_at
    from {{ ref('stg_crm__tickets') }} as tickets
    where tickets.is_known

    union all by name

    select
        {{ surrogate_key(["'survey_answer'", 'answers.answer_id']) }} as touchpoint_id,
        'survey' as source,
        'survey_answer' as touchpoint_type,
        answers.survey_id || '/' || answers.question_id as touchpoint_name,
        answers.identifier_type,
        answers.identifier_value,
        answers.order_id,
        answers.response_id,
        answers.metric,
        floor(answers.scaled_score)::integer as score,
        true as is_inbound,
        answers.is_public_review,
        answers.responded_at as occurred_at
    from {{ ref('int_survey_answers_scored') }} as answers

),

resolved as (

    select
        unioned.*,
        identifiers.person_id as identified_person_id,
        touchpoint_types.type_order,
        case
            when unioned.is_inbound then touchpoint_types.is_act_inbound
            else touchpoint_types.is_act_outbound
        end as is_act_by_type
    from unioned
    inner join {{ ref('touchpoint_types') }} as touchpoint_types
        on unioned.touchpoint_type = touchpoint_types.touchpoint_type
    left join identifiers
        on
            unioned.identifier_type = identifiers.identifier_type
            and unioned.identifier_value = identifiers.identifier_value
    where {{ is_touched_person('coalesce(unioned.person_id, identifiers.person_id)') }}

)

select
    * exclude (
        person_id, identified_person_id, identifier_type, identifier_value,
        is_act_by_kind, is_act_by_type, channel, is_public_review
    ),
    coalesce(channel, 'unassigned') as channel,
    coalesce(is_public_review, false) as is_public_review,
    coalesce(person_id, identified_person_id) as person_id,
    -- What the person did: by type and direction, unless the kind of activity says more.
    coalesce(is_act_by_kind, is_act_by_type) as is_own_act
from resolved
