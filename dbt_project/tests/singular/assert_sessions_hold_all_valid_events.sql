select
    (select coalesce(sum(event_count), 0) from {{ ref('fct_sessions') }}) as session_events,
    (
        select count(*) from {{ ref('int_web_events_classified') }}
        where exclusion_reason is null
    ) as valid_events
where session_events != valid_events
