with sessions as (

    select * from {{ ref('fct_sessions') }}
    where person_id is not null and device_type != '(not set)'

),

purchase_types as (

    select * from {{ ref('conversion_types') }}
    where conversion_type = 'web_purchase'

),

purchases as (

    select distinct events.session_id
    from {{ ref('int_web_events_matched_to_sessions') }} as events
    inner join purchase_types
        on {{ matches('events.event_name', 'purchase_types.name_pattern') }}

),

-- Each session with the one before of the same person, on whatever device; what tells no device
-- (a call of a server) is skipped, for it is none.
followed as (

    select
        session_id,
        person_id,
        device_type,
        session_date,
        started_at,
        lag(device_type) over person_sessions as previous_device_type,
        lag(started_at) over person_sessions as previous_started_at
    from sessions
    window person_sessions as (partition by person_id order by started_at, session_id)

),

returned as (

    select
        followed.*,
        {{ month_start_date('followed.session_date') }} as month_start_date,
        purchases.session_id is not null as is_purchased
    from followed
    left join purchases on followed.session_id = purchases.session_id
    where
        followed.previous_started_at
        >= followed.started_at - interval '{{ var("channel_lookback_days") }} days'

)

select
    {{ surrogate_key(['month_start_date', 'previous_device_type', 'device_type']) }}
        as device_switch_id,
    previous_device_type,
    device_type,
    previous_device_type != device_type as is_switch,
    count(*)::integer as session_count,
    count(distinct person_id)::integer as person_count,
    count(*) filter (where is_purchased)::integer as purchase_session_count,
    round(
        count(*)::double
        / sum(count(*)) over (partition by month_start_date, previous_device_type),
        6
    )::double as previous_device_rate,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date::date as month_start_date
from returned
group by month_start_date, previous_device_type, device_type
