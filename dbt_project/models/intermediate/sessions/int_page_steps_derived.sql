{{ config(
    materialized='incremental',
    incremental_strategy='touched_visitors',
    incremental_predicates=['not touched.is_excluded', 'held.occurred_at >= touched.restart_at']
) }}

with near_events as (

    select
        event_id,
        visitor_id,
        event_name,
        page_url,
        user_agent,
        occurred_at
    from {{ ref('int_web_events_matched_to_visitors') }}
    where is_known and {{ is_near_touched('event_row') }}

),

user_agents as (

    select * from {{ ref('int_user_agents_classified') }}

),

search_rules as (

    select * from {{ ref('site_search_rules') }}

),

all_events as (

    select
        near_events.*,
        case when near_events.page_url is not null then {{ page_path('near_events.page_url') }} end
            as page_path,
        false as is_excluded
    from near_events
    left join user_agents on near_events.user_agent = user_agents.user_agent
    where user_agents.user_agent is null

),

-- Patterns are tried once per name and page.
told_kinds as (

    select distinct
        event_name,
        page_path
    from all_events

),

kinds as (

    select
        told_kinds.event_name,
        told_kinds.page_path,
        min(search_rules.rule_order) as search_order
    from told_kinds
    inner join search_rules
        on
            {{ matches('told_kinds.event_name', 'search_rules.event_name_pattern') }}
            and {{ matches('told_kinds.page_path', 'search_rules.page_path_pattern') }}
    group by told_kinds.event_name, told_kinds.page_path

),

events as (

    select
        all_events.*,
        all_events.event_name = 'page_view' and all_events.page_path is not null as is_page_view,
        kinds.search_order
    from all_events
    left join kinds
        on
            all_events.event_name = kinds.event_name
            and all_events.page_path is not distinct from kinds.page_path
    {{ only_touched('all_events') }}
    where
        kinds.search_order is not null
        or (all_events.event_name = 'page_view' and all_events.page_path is not null)

),

sessions as (

    select
        aggregated.*,
        {{ business_date('aggregated.started_at') }} as session_date
    from {{ ref('int_sessions_aggregated') }} as aggregated
    {{ only_touched('aggregated', 'run_started_at') }}
    where not aggregated.is_excluded

),

placed as (

    select
        events.event_id,
        events.visitor_id,
        sessions.session_id,
        sessions.exclusion_reason,
        {{ month_start_date('sessions.session_date') }} as month_start_date,
        events.page_path,
        events.is_page_view,
        events.search_order,
        events.occurred_at
    from events
    asof inner join sessions
        on
            events.visitor_id = sessions.visitor_id
            and events.occurred_at >= sessions.started_at

),

-- What a session tells of searches by several rules is told by the first of them only.
told as (

    select
        *,
        coalesce(search_order = min(search_order) over (partition by session_id), false)
            as is_site_search
    from placed
    where exclusion_reason is null

),

followed as (

    select
        *,
        last_value(page_path ignore nulls) over (
            partition by session_id
            order by occurred_at, event_id
            rows between unbounded preceding and 1 preceding
        ) as previous_page_path
    from told
    where is_page_view or is_site_search
),

-- The same page again (reloaded, or told by view and search alike) is no other page.
numbered as (

    select
        event_id,
        visitor_id,
        session_id,
        coalesce(page_path, previous_page_path, '(not set)') as page_path,
        is_page_view,
        is_site_search,
        (
            count(*) filter (
                where page_path is not null and page_path is distinct from previous_page_path
            ) over (
                partition by session_id
                order by occurred_at, event_id
                rows between unbounded preceding and current row
            )
        )::integer as page_number,
        month_start_date,
        occurred_at
    from followed

),

visited as (

    select
        *,
        is_page_view
        and row_number() over (
            partition by session_id, is_page_view, page_number order by occurred_at, event_id
        ) = 1 as is_page_visit
    from numbered

),

-- Each visit with the page after it; the way out is a step, too.
ways as (

    select
        *,
        case
            when is_page_visit
                then coalesce(lead(page_path) over session_visits, '(exit)')
        end as next_page_path,
        is_page_visit and row_number() over session_visits = 1 as is_entry
    from visited
    window session_visits as (partition by session_id, is_page_visit order by page_number)

)

-- What is counted once per session is marked here, where the session is at hand.
select
    event_id,
    visitor_id,
    session_id,
    page_path,
    next_page_path,
    is_page_view,
    is_site_search,
    is_page_visit,
    is_entry,
    is_page_visit
    and row_number() over (
        partition by session_id, is_page_visit, page_path order by page_number
    ) = 1 as is_first_of_page,
    is_page_visit
    and row_number() over (
        partition by session_id, is_page_visit, page_path, next_page_path order by page_number
    ) = 1 as is_first_of_step,
    page_number,
    month_start_date,
    occurred_at
from ways
