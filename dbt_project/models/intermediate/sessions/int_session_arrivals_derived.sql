{{ config(schema='touched') }}

with paid_parameters as (

    select * from {{ ref('click_id_parameters') }}
    where is_paid

),

shared_domains as (

    select * from {{ ref('shared_domains') }}

),

-- Hosts that send nobody: a visitor who comes from one of them was here before.
passing_hosts as (

    select own_host as passing_host from {{ ref('own_hosts') }}
    union
    select referrer_host from {{ ref('referrer_exclusions') }}

),

sessions as (

    select
        *,
        {{ origin_of(host_of('page_referrer')) }} as referrer_host,
        {{ origin_of(host_of('landing_page_url')) }} as landing_host,
        coalesce(utm_source, utm_medium, utm_campaign) is not null as has_campaign
    from {{ ref('int_sessions_described') }}

),

-- Hosts are compared once per pair, not once per session.
host_pairs as (

    select
        referrer_host,
        landing_host,
        {{ registrable_domain('referrer_host') }} as referrer_domain,
        {{ registrable_domain('landing_host') }} as landing_domain
    from sessions
    where referrer_host is not null
    group by referrer_host, landing_host

),

returning_pairs as (

    select
        host_pairs.referrer_host,
        host_pairs.landing_host
    from host_pairs
    left join shared_domains on host_pairs.landing_domain = shared_domains.shared_domain
    where
        host_pairs.referrer_domain = host_pairs.landing_domain
        and (
            shared_domains.shared_domain is null
            or host_pairs.referrer_host = host_pairs.landing_host
        )
    union
    select
        host_pairs.referrer_host,
        host_pairs.landing_host
    from host_pairs
    inner join passing_hosts
        on
            host_pairs.referrer_host = passing_hosts.passing_host
            or ends_with(host_pairs.referrer_host, '.' || passing_hosts.passing_host)

),

-- The parameter of the click id: as the source of the event says, in the address of the landing
-- page, or, where neither names one, by a form that no other parameter's ids have.
named_clicks as (

    select
        session_id,
        lower(click_id_parameter) as url_parameter
    from sessions
    where
        click_id_parameter is not null
        and not regexp_full_match(lower(click_id), '{{ unfilled_value() }}')

),

landing_queries as (

    select
        session_id,
        regexp_replace(
            replace(lower(landing_page_url), '?', '&'),
            '=(?:{{ unfilled_value() }})?([&#]|$)', '&', 'g'
        ) as query
    from sessions
    where contains(landing_page_url, '?')

),

unnamed_clicks as (

    select
        session_id,
        click_id
    from sessions
    where click_id is not null and click_id_parameter is null

),

paid_clicks as (

    select
        named_clicks.session_id,
        paid_parameters.*
    from named_clicks
    inner join paid_parameters on named_clicks.url_parameter = paid_parameters.url_parameter
    union
    select
        landing_queries.session_id,
        paid_parameters.*
    from landing_queries
    inner join paid_parameters
        on contains(landing_queries.query, '&' || paid_parameters.url_parameter || '=')
    union
    select
        unnamed_clicks.session_id,
        paid_parameters.*
    from unnamed_clicks
    inner join paid_parameters
        on regexp_full_match(unnamed_clicks.click_id, paid_parameters.id_pattern)

),

session_clicks as (

    select *
    from paid_clicks
    qualify row_number() over (
        partition by session_id order by parameter_order, url_parameter
    ) = 1

)

-- A paid click wins, since a tracker that reads no click ids takes it for an organic visit; then
-- campaign tags; then another site that sent the visitor.
select
    sessions.session_id,
    case
        when clicks.session_id is not null then clicks.traffic_source
        when sessions.has_campaign then coalesce(sessions.utm_source, '(not set)')
        when returning_pairs.referrer_host is null and sessions.referrer_host is not null
            then sessions.referrer_host
        else '(direct)'
    end as arrival_source,
    case
        when
            clicks.session_id is not null
            and regexp_full_match(sessions.utm_medium, clicks.kept_medium_pattern)
            then sessions.utm_medium
        when clicks.session_id is not null then clicks.traffic_medium
        when sessions.has_campaign then coalesce(sessions.utm_medium, '(not set)')
        when
            returning_pairs.referrer_host is null and sessions.referrer_host is not null
            then 'referral'
        else '(none)'
    end as arrival_medium,
    -- What a later page says of where it came from is no return to the site.
    clicks.session_id is null
    and coalesce(not sessions.has_campaign or sessions.utm_source = '(direct)', false)
    and returning_pairs.referrer_host is not null
    and sessions.landing_referrer is not null as is_return
from sessions
left join session_clicks as clicks on sessions.session_id = clicks.session_id
left join returning_pairs
    on
        sessions.referrer_host = returning_pairs.referrer_host
        and sessions.landing_host is not distinct from returning_pairs.landing_host
