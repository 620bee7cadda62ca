-- Every event known by then lies in exactly one session: a person's, or one that is kept out.
with counts as (

    select
        (select coalesce(sum(event_count), 0) from {{ ref('fct_sessions') }}) as session_events,
        (select coalesce(sum(event_count), 0) from {{ ref('fct_excluded_traffic') }})
            as excluded_events,
        (
            select count(*) filter (where is_known)
            from {{ ref('int_web_events_matched_to_visitors') }}
        ) as known_events

)

select *
from counts
where session_events + excluded_events != known_events
