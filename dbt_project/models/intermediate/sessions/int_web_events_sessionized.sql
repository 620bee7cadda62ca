with events as (

    select
        event_id,
        visitor_id,
        occurred_at,
        occurred_date,
        utm_source,
        utm_medium,
        utm_campaign
    from {{ ref('int_web_events_classified') }}
    where exclusion_reason is null

),

gaps as (

    select
        *,
        lag(occurred_at) over visitor_stream as previous_at,
        lag(occurred_date) over visitor_stream as previous_date,
        lag(concat_ws('|', utm_source, utm_medium, utm_campaign)) over visitor_stream
            as previous_campaign
    from events
    window visitor_stream as (partition by visitor_id order by occurred_at, event_id)

),

-- A gap of exactly the timeout stays in the session.
runs as (

    select
        *,
        sum(
            case
                when previous_at is null then 1
                when
                    occurred_at - previous_at
                    > interval '{{ var("session_timeout_minutes") }} minutes'
                    then 1
                when
                    {{ var('session_new_at_midnight') }} and occurred_date > previous_date
                    then 1
                when
                    {{ var('session_new_on_campaign') }}
                    and coalesce(utm_source, utm_medium, utm_campaign) is not null
                    and concat_ws('|', utm_source, utm_medium, utm_campaign) != previous_campaign
                    then 1
                else 0
            end
        ) over (
            partition by visitor_id
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as run_number
    from gaps

),

-- With a maximum length, a run is cut into pieces of that length from its start.
pieces as (

    select
        *,
        case
            when {{ var('session_maximum_minutes') }} = 0 then 0
            else
                floor(
                    date_sub(
                        'second',
                        min(occurred_at) over (partition by visitor_id, run_number),
                        occurred_at
                    ) / (60.0 * nullif({{ var('session_maximum_minutes') }}, 0))
                )
        end as piece_number
    from runs

)

select
    event_id,
    visitor_id,
    {{ surrogate_key([
        'visitor_id',
        'first_value(event_id) over session_stream'
    ]) }} as session_id,
    row_number() over session_stream as event_number,
    occurred_at
from pieces
window
    session_stream as (
        partition by visitor_id, run_number, piece_number order by occurred_at, event_id
    )
