with events as not materialized (

    select * from {{ ref('int_web_events_matched_to_visitors') }}

),

last_builds as (

    select * from {{ ref('stg_ops__builds') }}

),

removed_events as (

    select * from {{ ref('stg_ops__removed_events') }}

),

deviceless_events as (

    select * from {{ ref('int_deviceless_events_matched') }}
    where
        visitor_id is distinct from previous_visitor_id
        or occurred_at is distinct from previous_occurred_at

),

held_sessions as (

    select *
    from {{ last_build('intermediate', 'int_sessions_aggregated', {
        'visitor_id': 'varchar', 'is_excluded': 'boolean', 'run_started_at': 'timestamp',
        'ended_at': 'timestamp'
    }) }} as held

),

-- What came, what went, what the last build was too early for, and what belongs to another visitor
-- now. A full build needs no list.
touches as (

    select
        visitor_id,
        occurred_at
    from events
    where {{ is_in_new_file('file_id') }}
    union all
    select
        visitor_id,
        occurred_at
    from removed_events
    union all
    select
        visitor_id,
        occurred_at
    from events
    where is_known and occurred_at >= (select max(last_builds.as_of_at) from last_builds)
    union all
    select
        visitor_id,
        occurred_at
    from deviceless_events
    where visitor_id is not null
    union all
    select
        previous_visitor_id,
        previous_occurred_at
    from deviceless_events
    where previous_visitor_id is not null

),

first_touches as (

    select
        visitor_id,
        min(occurred_at) as touched_at
    from touches
    where {{ 'true' if is_later_run() else 'false' }}
    group by visitor_id

),

-- A visitor's bots and people are different streams of events.
streams as (

    select
        first_touches.visitor_id,
        kinds.is_excluded,
        first_touches.touched_at
    from first_touches
    cross join (values (true), (false)) as kinds (is_excluded)

)

-- The last run that begins before the touch and reaches to within the timeout of it; without one,
-- no event before the touch can share a session with it. Whatever comes before stays as it is.
select
    streams.visitor_id,
    streams.is_excluded,
    coalesce(max(held_sessions.run_started_at), streams.touched_at) as restart_at
from streams
left join held_sessions
    on
        streams.visitor_id = held_sessions.visitor_id
        and streams.is_excluded = held_sessions.is_excluded
        and streams.touched_at > held_sessions.run_started_at
        and streams.touched_at
        <= held_sessions.ended_at + interval '{{ var("session_timeout_minutes") }} minutes'
group by streams.visitor_id, streams.is_excluded, streams.touched_at
