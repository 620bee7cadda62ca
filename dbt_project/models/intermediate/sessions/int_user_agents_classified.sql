{{ config(materialized='incremental', incremental_strategy='append') }}

with events as (

    select * from {{ ref('stg_web__events') }}
    where {{ is_in_new_file('file_id') }}

),

user_agents as (

    select distinct user_agent
    from events
    where user_agent is not null
    {{ except_held(['user_agent']) }}

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
