-- A conversation that the company began is a ticket once the contact replied: from then on.
with read as (

    select
        conversation ->> '$.id' as conversation_id,
        case
            when (conversation ->> '$.source.delivered_as') = 'customer_initiated'
                then instant(conversation ->> '$.created_at')
            else instant(conversation ->> '$.first_contact_reply.created_at')
        end as opened_at,
        instant(conversation ->> '$.updated_at') as updated_at,
        conversation ->> '$.contacts.contacts[0].id' as contact_id,
        -- The author of what the company sent is a teammate.
        case
            when (conversation ->> '$.source.author.type') in ('user', 'lead', 'contact')
                then nullif(conversation ->> '$.source.author.email', '')
        end as email,
        instant(conversation ->> '$.statistics.first_admin_reply_at') as first_admin_reply_at,
        instant(conversation ->> '$.statistics.last_close_at') as last_close_at,
        conversation ->> '$.state' as state,
        conversation ->> '$.source.type' as ticket_channel,
        conversation ->> '$.ai_agent_participated' as has_bot,
        conversation ->> '$.ai_agent.resolution_state' as bot_outcome,
        conversation ->> '$.topics.topics[0].name' as topic,
        conversation ->> '$.tags.tags[0].name' as category,
        case (conversation ->> '$.priority')
            when 'priority' then 'high'
            when 'not_priority' then 'normal'
        end as priority
    from conversations

)

select
    'intercom-' || conversation_id as ticket_id,
    opened_at,
    'intercom-' || contact_id as contact_id,
    email,
    case when first_admin_reply_at >= opened_at then first_admin_reply_at end as first_responded_at,
    case when state = 'closed' and last_close_at >= opened_at then last_close_at end as resolved_at,
    ticket_channel,
    -- Who asks for a person, or gets an answer of one, was handed on.
    case
        when has_bot = 'false' then 'agent'
        when has_bot is null then null
        when first_admin_reply_at is not null or bot_outcome = 'routed_to_team'
            then 'bot_then_agent'
        else 'bot'
    end as handled_by,
    category,
    priority,
    topic,
    updated_at
from read
where opened_at is not null
qualify
    row_number() over (partition by conversation_id order by updated_at desc, last_close_at desc)
    = 1
order by ticket_id
