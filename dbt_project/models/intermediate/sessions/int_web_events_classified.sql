with events as (

    select * from {{ ref('stg_web__events') }}

),

bot_patterns as (

    select * from {{ ref('bot_patterns') }}

),

invalid_values as (

    select * from {{ ref('identifier_invalid_values') }}
    where identifier_type = 'visitor'

),

-- Patterns are tried once per text, not once per event.
user_agents as (

    select user_agent
    from events
    where user_agent is not null
    group by user_agent

),

bots as (

    select user_agents.user_agent
    from user_agents
    inner join bot_patterns
        on regexp_full_match(lower(user_agents.user_agent), bot_patterns.pattern)
    group by user_agents.user_agent

),

visitors as (

    select visitor_id
    from events
    group by visitor_id

),

invalid_visitors as (

    select visitors.visitor_id
    from visitors
    inner join invalid_values
        on regexp_full_match(lower(visitors.visitor_id), invalid_values.pattern)
    group by visitors.visitor_id

)

select
    events.*,
    bots.user_agent is not null as is_bot,
    case
        when not events.is_known then 'after_as_of'
        when bots.user_agent is not null then 'bot'
        when invalid_visitors.visitor_id is not null then 'invalid_visitor'
    end as exclusion_reason
from events
left join bots on events.user_agent = bots.user_agent
left join invalid_visitors on events.visitor_id = invalid_visitors.visitor_id
