{{ config(materialized='incremental', incremental_strategy='append') }}

with sessions as (

    select * from {{ touched_rows('int_sessions_aggregated', 'int_visitors_touched') }}

),

ad_costs as (

    select * from {{ ref('stg_web__ad_costs') }}
    where is_known

),

channel_rules as (

    select * from {{ ref('channel_rules') }}

),

source_categories as (

    select * from {{ ref('source_categories') }}

),

-- Rules are tried once per combination, not once per session.
combinations as (

    select
        traffic_source,
        traffic_medium,
        utm_campaign
    from sessions
    union
    select
        utm_source,
        utm_medium,
        utm_campaign
    from ad_costs

),

unmatched as (

    select *
    from combinations
    {{ except_held(['traffic_source', 'traffic_medium', 'utm_campaign']) }}

),

-- A source by its host or name, in the form for any country, and by the hosts above it.
sources as (

    select
        traffic_source,
        regexp_replace(traffic_source, '^www\.', '') as host,
        regexp_replace(
            regexp_replace(traffic_source, '^www\.', ''), '(\.(com?|ne|or))?\.[a-z]{2,}$', '.*'
        ) as country_form
    from unmatched
    group by traffic_source

),

source_matches as (

    select
        sources.traffic_source,
        source_categories.source_category
    from sources
    inner join source_categories
        on
            source_categories.source in (sources.host, sources.country_form)
            or (
                source_categories.covers_subdomains
                and (
                    ends_with(sources.host, '.' || source_categories.source)
                    or ends_with(sources.country_form, '.' || source_categories.source)
                )
            )
    qualify row_number() over (
        partition by sources.traffic_source
        order by length(source_categories.source) desc, source_categories.source
    ) = 1

),

categorised as (

    select
        unmatched.*,
        source_matches.source_category
    from unmatched
    left join source_matches on unmatched.traffic_source = source_matches.traffic_source

)

-- The first rule that matches; an empty condition matches anything.
select
    categorised.*,
    channel_rules.channel
from categorised
inner join channel_rules
    on
        (
            channel_rules.source_category is null
            or categorised.source_category = channel_rules.source_category
        )
        and {{ matches('categorised.traffic_source', 'channel_rules.source_pattern') }}
        and {{ matches('categorised.traffic_medium', 'channel_rules.medium_pattern') }}
        and {{ matches('categorised.utm_campaign', 'channel_rules.campaign_pattern') }}
qualify row_number() over (
    partition by categorised.traffic_source, categorised.traffic_medium, categorised.utm_campaign
    order by channel_rules.rule_order
) = 1
