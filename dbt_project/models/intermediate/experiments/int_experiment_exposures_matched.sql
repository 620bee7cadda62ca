with user_agents as (

    select * from {{ ref('int_user_agents_classified') }}

),

-- Bots are in sessions of their own; what they were shown says nothing of persons.
events as (

    select exposures.*
    from {{ ref('int_web_events_matched_to_visitors') }} as exposures
    left join user_agents on exposures.user_agent = user_agents.user_agent
    where
        exposures.is_known
        and exposures.experiment_id is not null
        and exposures.variant_id is not null
        and user_agents.user_agent is null

),

people_sessions as (

    select * from {{ ref('int_sessions_aggregated') }}
    where not is_excluded

),

matched as (

    select
        events.*,
        people_sessions.session_id
    from events
    asof inner join people_sessions
        on
            events.visitor_id = people_sessions.visitor_id
            and events.occurred_at >= people_sessions.started_at

)

-- Sessions that are left out (tests, the company itself) are no fct_sessions.
select
    matched.event_id,
    matched.experiment_id,
    matched.variant_id,
    matched.session_id,
    sessions.person_id,
    matched.occurred_date,
    matched.occurred_at
from matched
inner join {{ ref('fct_sessions') }} as sessions on matched.session_id = sessions.session_id
where sessions.person_id is not null
