{{ config(materialized='incremental', incremental_strategy='touched_visitors') }}

with events as (

    select * from {{ ref('int_web_events_matched_to_visitors') }}
    where
        is_known
        and coalesce(user_id, email_hash) is not null
        and {{ has_new_events('visitor_id') }}

),

user_agents as (

    select * from {{ ref('int_user_agents_classified') }}

),

sessions as (

    select * from {{ ref('int_sessions_aggregated') }}
    where
        coalesce(exclusion_reason, 'invalid_visitor') = 'invalid_visitor'
        and {{ has_new_events('visitor_id') }}

)

-- Placeholder visitors are kept, so that what they cut can be listed.
select
    {{ surrogate_key(['events.visitor_id', 'events.user_id', 'events.email_hash']) }} as login_id,
    events.visitor_id,
    events.user_id,
    events.email_hash,
    min(events.occurred_at) as first_seen_at
from events
left join user_agents on events.user_agent = user_agents.user_agent
where
    user_agents.user_agent is null
    and events.visitor_id in (select sessions.visitor_id from sessions)
group by events.visitor_id, events.user_id, events.email_hash
