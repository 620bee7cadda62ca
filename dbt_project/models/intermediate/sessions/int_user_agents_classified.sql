with user_agents as (

    select distinct user_agent
    from {{ ref('stg_web__events') }}
    where user_agent is not null

),

exclusions as (

    select * from {{ ref('traffic_exclusions') }}
    where field = 'user_agent'

)

-- Patterns are tried once per text, not once per event.
select
    user_agents.user_agent,
    min(exclusions.exclusion_reason) as agent_exclusion_reason
from user_agents
inner join exclusions on regexp_full_match(lower(user_agents.user_agent), exclusions.pattern)
group by user_agents.user_agent
