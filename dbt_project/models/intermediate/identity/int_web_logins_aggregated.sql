with events as (

    select * from {{ ref('int_web_events_classified') }}
    where is_known and not is_excluded and coalesce(user_id, email_hash) is not null

),

sessions as (

    select * from {{ ref('int_sessions_aggregated') }}
    where coalesce(exclusion_reason, 'invalid_visitor') = 'invalid_visitor'

)

-- Placeholder visitors are kept, so that what they cut can be listed.
select
    {{ surrogate_key(['visitor_id', 'user_id', 'email_hash']) }} as login_id,
    visitor_id,
    user_id,
    email_hash,
    min(occurred_at) as first_seen_at
from events
where visitor_id in (select sessions.visitor_id from sessions)
group by visitor_id, user_id, email_hash
