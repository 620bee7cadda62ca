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

),

robot_names as (

    select * from {{ ref('robot_names') }}

),

device_names as (

    select string_agg(device_name_pattern, '|' order by device_name_pattern) as pattern
    from {{ ref('device_names') }}

),

-- Names of devices are taken out first: some only look like a robot's.
agent_texts as (

    select
        user_agents.user_agent,
        regexp_replace(
            lower(user_agents.user_agent), coalesce(device_names.pattern, '^$'), ' ', 'g'
        ) as agent_text
    from user_agents
    cross join device_names

),

-- Patterns and names are tried once per text, not once per event.
matches as (

    select
        agent_texts.user_agent,
        exclusions.exclusion_reason
    from agent_texts
    inner join exclusions on regexp_full_match(agent_texts.agent_text, exclusions.pattern)
    union all
    select
        agent_texts.user_agent,
        'bot' as exclusion_reason
    from agent_texts
    inner join robot_names on contains(agent_texts.agent_text, robot_names.robot_name)

)

select
    user_agent,
    min(exclusion_reason) as agent_exclusion_reason
from matches
group by user_agent
