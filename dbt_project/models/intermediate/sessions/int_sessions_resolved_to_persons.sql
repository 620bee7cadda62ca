with sessions as (

    select * from {{ ref('int_sessions_told_sources') }}

),

traffic as (

    select * from {{ ref('int_traffic_matched_to_channels') }}

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}

),

visitors as (

    select * from identifiers
    where identifier_type = 'visitor'

),

users as (

    select * from identifiers
    where identifier_type = 'user'

),

-- A shared device joins nobody: each of its sessions belongs to whoever logged in during it.
resolved as (

    select
        sessions.*,
        traffic.channel,
        case
            when visitors.is_shared_device then coalesce(users.person_id, visitors.person_id)
            else visitors.person_id
        end as person_id
    from sessions
    inner join traffic
        on
            sessions.traffic_source = traffic.traffic_source
            and sessions.traffic_medium = traffic.traffic_medium
            and sessions.utm_campaign is not distinct from traffic.utm_campaign
    left join visitors on sessions.visitor_id = visitors.identifier_value
    left join users on sessions.first_user_id = users.identifier_value

),

numbered as (

    select
        *,
        row_number() over (partition by visitor_id order by started_at, session_id)
            as visitor_session_number,
        case
            when person_id is not null
                then row_number() over (partition by person_id order by started_at, session_id)
        end as person_session_number,
        max(case when channel != 'direct' then started_at end) over earlier_sessions
            as last_campaign_at,
        arg_max(channel, (started_at, session_id)) filter (where channel != 'direct')
            over earlier_sessions as last_campaign_channel
    from resolved
    window
        earlier_sessions as (
            partition by coalesce(person_id, visitor_id)
            order by started_at, session_id
            rows between unbounded preceding and current row
        )

)

select
    * exclude (last_campaign_at, last_campaign_channel),
    case
        when
            channel = 'direct'
            and last_campaign_at
            >= started_at - interval '{{ var("channel_lookback_days") }} days'
            then last_campaign_channel
        else channel
    end as last_non_direct_channel
from numbered
