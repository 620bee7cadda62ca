{{ config(materialized='incremental', incremental_strategy='whole') }}

{%- set timeout = "interval '" ~ var('session_timeout_minutes') ~ " minutes'" %}

with last_builds as (

    select * from {{ ref('stg_ops__builds') }}

),

user_agents as (

    select * from {{ ref('int_user_agents_classified') }}

),

invalid_values as (

    select * from {{ ref('identifier_invalid_values') }}
    where invalid_value is not null

),

events as (

    select
        web_events.file_id,
        web_events.event_id,
        web_events.visitor_id,
        web_events.user_id,
        web_events.occurred_at
    from {{ ref('stg_web__events') }} as web_events
    left join user_agents on web_events.user_agent = user_agents.user_agent
    where web_events.is_known and user_agents.user_agent is null

),

-- Where events of the last build went, to tell which go elsewhere now.
held as (

    {% if is_later_run() %}
        select
            event_id,
            visitor_id,
            occurred_at
        from {{ this }}
    {% else %}
        select
            null::varchar as event_id,
            null::varchar as visitor_id,
            null::timestamp as occurred_at
        where false
    {% endif %}

),

-- Only what came or became known since then can be without a device, and what was.
candidates as (

    select
        event_id,
        visitor_id,
        user_id,
        occurred_at
    from events
    where
        user_id is not null
        and (
            {{ is_in_new_file('file_id') }}
            or occurred_at >= (select max(last_builds.as_of_at) from last_builds)
        )
    union
    select
        events.event_id,
        events.visitor_id,
        events.user_id,
        events.occurred_at
    from events
    inner join held on events.event_id = held.event_id
    where events.user_id is not null

),

deviceless as (

    select candidates.*
    from candidates
    left join invalid_values as invalid_visitors
        on
            invalid_visitors.identifier_type = 'visitor'
            and {{ bare_value('candidates.visitor_id') }} = invalid_visitors.invalid_value
    left join invalid_values as invalid_users
        on
            invalid_users.identifier_type = 'user'
            and {{ bare_value('candidates.user_id') }} = invalid_users.invalid_value
    where
        invalid_users.invalid_value is null
        and (
            candidates.visitor_id = candidates.user_id
            or invalid_visitors.invalid_value is not null
        )

),

logins as (

    select distinct user_id from deviceless

),

devices as (

    select distinct events.visitor_id
    from events
    inner join logins on events.user_id = logins.user_id
    where events.event_id not in (select deviceless.event_id from deviceless)

),

-- Whose a device was at each of its events: of the last login on it, before any of the first.
device_events as (

    select
        events.visitor_id,
        events.occurred_at,
        coalesce(
            last_value(events.user_id ignore nulls) over (
                partition by events.visitor_id order by events.occurred_at, events.event_id
                rows between unbounded preceding and current row
            ),
            first_value(events.user_id ignore nulls) over (
                partition by events.visitor_id order by events.occurred_at, events.event_id
                rows between current row and unbounded following
            )
        ) as user_id
    from events
    inner join devices on events.visitor_id = devices.visitor_id
    where events.event_id not in (select deviceless.event_id from deviceless)

),

timeline as (

    select
        device_events.user_id,
        device_events.occurred_at,
        min(device_events.visitor_id) as device_id,
        null::varchar as event_id
    from device_events
    inner join logins on device_events.user_id = logins.user_id
    group by device_events.user_id, device_events.occurred_at
    union all
    select
        user_id,
        occurred_at,
        null,
        event_id
    from deviceless

),

neighbours as (

    select
        *,
        max(occurred_at) filter (where device_id is not null) over until_then as earlier_at,
        arg_max(device_id, occurred_at) filter (where device_id is not null) over until_then
            as earlier_device_id,
        min(occurred_at) filter (where device_id is not null) over from_then as later_at,
        arg_min(device_id, occurred_at) filter (where device_id is not null) over from_then
            as later_device_id
    from timeline
    window
        until_then as (
            partition by user_id order by occurred_at
            range between unbounded preceding and current row
        ),
        from_then as (
            partition by user_id order by occurred_at
            range between current row and unbounded following
        )

),

placed as (

    select
        event_id,
        case
            when earlier_at >= occurred_at - {{ timeout }} then earlier_device_id
            when later_at <= occurred_at + {{ timeout }} then later_device_id
            else user_id
        end as visitor_id,
        occurred_at
    from neighbours
    where event_id is not null

)

-- An event that is gone stays as a row without a visitor, so that its session is cut anew.
select
    coalesce(placed.event_id, held.event_id) as event_id,
    placed.visitor_id,
    placed.occurred_at,
    held.visitor_id as previous_visitor_id,
    held.occurred_at as previous_occurred_at
from placed
full outer join held on placed.event_id = held.event_id
