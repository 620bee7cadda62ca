{{ config(
    materialized='incremental',
    incremental_strategy='touched_visitors',
    incremental_predicates=['not touched.is_excluded', 'held.occurred_at >= touched.restart_at']
) }}

with near_events as (

    select * from {{ ref('int_web_events_matched_to_visitors') }}
    where is_known and {{ is_near_touched('event_row') }}

),

user_agents as (

    select * from {{ ref('int_user_agents_classified') }}

),

conversion_types as (

    select * from {{ ref('conversion_types') }}
    where {{ matches("'web_event'", 'touchpoint_type_pattern') }}

),

significant_events as (

    select
        significant_events.event_name,
        count(conversion_types.conversion_type) > 0 as is_conversion
    from {{ ref('significant_events') }} as significant_events
    left join conversion_types
        on {{ matches('significant_events.event_name', 'conversion_types.name_pattern') }}
    group by significant_events.event_name

),

-- Bots are in sessions of their own; their events say nothing of persons.
all_events as (

    select
        near_events.*,
        false as is_excluded
    from near_events
    left join user_agents on near_events.user_agent = user_agents.user_agent
    where user_agents.user_agent is null

),

-- Events that say more than that the visit went on: they become touchpoints or orders.
events as (

    select
        all_events.*,
        significant_events.event_name is not null as is_significant,
        coalesce(significant_events.is_conversion, false) as is_conversion_event
    from all_events
    left join significant_events on all_events.event_name = significant_events.event_name
    {{ only_touched('all_events') }}
    where
        significant_events.event_name is not null
        or all_events.order_id is not null

),

sessions as (

    select aggregated.*
    from {{ ref('int_sessions_aggregated') }} as aggregated
    {{ only_touched('aggregated', 'run_started_at') }}
    where not aggregated.is_excluded

),

matched as (

    select
        events.*,
        sessions.session_id,
        sessions.exclusion_reason
    from events
    -- Sessions of a visitor start at different instants and never overlap.
    asof inner join sessions
        on
            events.visitor_id = sessions.visitor_id
            and events.occurred_at >= sessions.started_at

)

select
    event_id,
    session_id,
    visitor_id,
    user_id,
    event_name,
    order_id,
    currency_code,
    value_amount,
    is_significant,
    is_conversion_event,
    occurred_at
from matched
where exclusion_reason is null
