{{ config(materialized='view') }}

with events as (

    select * from {{ ref('stg_web__events') }}

),

user_agents as (

    select * from {{ ref('int_user_agents_classified') }}

)

select
    events.*,
    user_agents.agent_exclusion_reason,
    user_agents.agent_exclusion_reason is not null as is_excluded
from events
left join user_agents on events.user_agent = user_agents.user_agent
