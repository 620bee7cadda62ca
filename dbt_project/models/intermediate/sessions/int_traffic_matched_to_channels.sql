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

categorised as (

    select
        unmatched.traffic_source,
        unmatched.traffic_medium,
        unmatched.utm_campaign,
        min(source_categories.source_category) as source_category
    from unmatched
    left join source_categories
        on regexp_full_match(unmatched.traffic_source, source_categories.source_pattern)
    group by unmatched.traffic_source, unmatched.traffic_medium, unmatched.utm_campaign

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
