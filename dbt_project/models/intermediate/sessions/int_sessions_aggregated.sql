{{ config(
    materialized='incremental',
    incremental_strategy='touched_visitors',
    incremental_predicates=[
        'held.is_excluded = touched.is_excluded', 'held.run_started_at >= touched.restart_at'
    ]
) }}

with sessions as (

    select * from {{ ref('int_sessions_described') }}

),

user_agents as (

    select * from {{ ref('int_user_agents_classified') }}

),

visitor_exclusions as (

    select * from {{ ref('traffic_exclusions') }}
    where field = 'visitor_prefix'

),

host_exclusions as (

    select * from {{ ref('traffic_exclusions') }}
    where field = 'landing_host'

),

label_exclusions as (

    select * from {{ ref('traffic_exclusions') }}
    where field = 'landing_host_label'

),

invalid_values as (

    select * from {{ ref('identifier_invalid_values') }}
    where identifier_type = 'visitor'

),

arrivals as (

    select * from {{ ref('int_session_arrivals_derived') }}

),

arrived as (

    select
        sessions.*,
        {{ host_of('sessions.landing_page_url') }} as landing_host,
        arrivals.arrival_source,
        arrivals.arrival_medium,
        arrivals.is_return,
        user_agents.user_agent is not null as is_excluded,
        user_agents.agent_exclusion_reason
    from sessions
    inner join arrivals on sessions.session_id = arrivals.session_id
    left join user_agents on sessions.user_agent = user_agents.user_agent

),

-- What a return may continue: the visitor's sessions of this run, and those before that stay.
origins as (

    select
        visitor_id,
        is_excluded,
        arrival_source as traffic_source,
        arrival_medium as traffic_medium,
        utm_campaign,
        started_at
    from arrived
    where not is_return
    union all
    select
        visitor_id,
        is_excluded,
        traffic_source,
        traffic_medium,
        utm_campaign,
        started_at
    from {{ held_before_touched({
        'visitor_id': 'varchar', 'is_excluded': 'boolean', 'traffic_source': 'varchar',
        'traffic_medium': 'varchar', 'utm_campaign': 'varchar', 'is_return': 'boolean',
        'started_at': 'timestamp'
    }) }} as held
    where not is_return

),

returns as (

    select
        arrived.session_id,
        origins.traffic_source,
        origins.traffic_medium,
        origins.utm_campaign
    from arrived
    asof inner join origins
        on
            arrived.visitor_id = origins.visitor_id
            and arrived.is_excluded = origins.is_excluded
            and arrived.started_at > origins.started_at
    where
        arrived.is_return
        and arrived.started_at
        <= origins.started_at + interval '{{ var("channel_lookback_days") }} days'

)

select
    arrived.session_id,
    arrived.visitor_id,
    arrived.first_event_id,
    coalesce(
        arrived.agent_exclusion_reason,
        case when invalid_values.invalid_rule_id is not null then 'invalid_visitor' end,
        visitor_exclusions.exclusion_reason,
        host_exclusions.exclusion_reason,
        label_exclusions.exclusion_reason
    ) as exclusion_reason,
    arrived.landing_page_url,
    arrived.exit_page_url,
    arrived.page_referrer,
    arrived.first_user_id,
    arrived.device_type,
    arrived.country_code,
    case
        when returns.session_id is null then arrived.utm_campaign
        else returns.utm_campaign
    end as utm_campaign,
    coalesce(returns.traffic_source, arrived.arrival_source) as traffic_source,
    coalesce(returns.traffic_medium, arrived.arrival_medium) as traffic_medium,
    arrived.event_count,
    arrived.page_view_count,
    arrived.engaged_seconds,
    arrived.is_excluded,
    arrived.is_return,
    arrived.run_started_at,
    arrived.started_at,
    arrived.ended_at
from arrived
left join returns on arrived.session_id = returns.session_id
left join invalid_values on {{ bare_value('arrived.visitor_id') }} = invalid_values.invalid_value
left join visitor_exclusions
    on regexp_extract(lower(arrived.visitor_id), '^([a-z]+)[-_:]', 1) = visitor_exclusions.pattern
left join host_exclusions on arrived.landing_host = host_exclusions.pattern
left join label_exclusions on split_part(arrived.landing_host, '.', 1) = label_exclusions.pattern
