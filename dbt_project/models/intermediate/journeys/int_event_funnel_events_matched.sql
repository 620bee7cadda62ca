with funnels as (

    select * from {{ ref('event_funnels') }}

),

steps as (

    select * from {{ ref('event_funnel_steps') }}

),

user_agents as (

    select * from {{ ref('int_user_agents_classified') }}

),

-- Without a funnel nothing is read.
events as (

    select
        web_events.event_id,
        web_events.visitor_id,
        web_events.event_name,
        web_events.value_amount,
        {{ page_path('web_events.page_url') }} as page_path,
        web_events.page_url is not null as has_page,
        web_events.occurred_at
    from {{ ref('int_web_events_matched_to_visitors') }} as web_events
    left join user_agents on web_events.user_agent = user_agents.user_agent
    where
        web_events.is_known
        and user_agents.user_agent is null
        and exists (select 1 from funnels)

),

properties as (

    select * from {{ ref('int_event_properties_derived') }}
    where event_property in (select steps.property_name from steps)

),

names as (

    select
        event_names.event_name,
        steps.*
    from (select distinct events.event_name from events) as event_names
    inner join steps on {{ matches('event_names.event_name', 'steps.event_name_pattern') }}

),

-- Events that are a step or may not come after one.
fulfilled as (

    select
        events.event_id,
        events.visitor_id,
        events.occurred_at,
        names.funnel,
        names.step_number,
        names.exclusion_number,
        names.channel_pattern
    from events
    inner join names on events.event_name = names.event_name
    left join properties
        on
            events.event_id = properties.event_id
            and names.property_name = properties.event_property
    where
        (names.page_path_pattern is null or events.has_page)
        and {{ matches('events.page_path', 'names.page_path_pattern') }}
        and (
            names.minimum_value_amount is null
            or coalesce(events.value_amount >= names.minimum_value_amount, false)
        )
        and {{ matches('properties.property_value', 'names.property_pattern') }}

),

-- In exact order any other event breaks the chain: step 0 is all events.
watched as (

    select
        event_id,
        visitor_id,
        occurred_at,
        funnel,
        step_number,
        exclusion_number,
        channel_pattern
    from fulfilled
    union all
    select
        events.event_id,
        events.visitor_id,
        events.occurred_at,
        funnels.funnel,
        0,
        0,
        null
    from events
    inner join funnels on funnels.step_order = 'exact_order'

),

counted_sessions as (

    select * from {{ ref('int_sessions_aggregated') }}
    where not is_excluded

),

placed as (

    select
        watched.*,
        counted_sessions.session_id,
        counted_sessions.exclusion_reason
    from watched
    asof inner join counted_sessions
        on
            watched.visitor_id = counted_sessions.visitor_id
            and watched.occurred_at >= counted_sessions.started_at

),

-- Who goes through a funnel: a session, or a person; devices of nobody are no person.
in_units as (

    select
        placed.funnel,
        case funnels.counted_per when 'session' then sessions.session_id else sessions.person_id end
            as unit_id,
        placed.event_id,
        placed.session_id,
        placed.step_number,
        placed.exclusion_number,
        case funnels.counted_per
            when 'session' then {{ month_start_date('sessions.session_date') }}
            else {{ month_start_date(business_date('placed.occurred_at')) }}
        end as month_start_date,
        placed.occurred_at
    from placed
    inner join funnels on placed.funnel = funnels.funnel
    inner join {{ ref('fct_sessions') }} as sessions on placed.session_id = sessions.session_id
    where {{ matches('sessions.channel', 'placed.channel_pattern') }}

)

select in_units.*
from in_units
where
    in_units.unit_id is not null
    and exists (
        select 1 from in_units as steps_of_unit
        where
            steps_of_unit.funnel = in_units.funnel
            and steps_of_unit.unit_id = in_units.unit_id
            and steps_of_unit.step_number > 0
            and steps_of_unit.exclusion_number = 0
    )
