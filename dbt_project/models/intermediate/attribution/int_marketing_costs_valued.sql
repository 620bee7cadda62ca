with ad_costs as (

    select * from {{ ref('stg_web__ad_costs') }}
    where is_known

),

traffic as (

    select * from {{ ref('int_traffic_matched_to_channels') }}

),

activities as (

    select * from {{ ref('fct_touchpoints') }}
    where cost_amount is not null

),

rates as (

    select *
    from {{ ref('currency_rates') }}
    where reporting_currency_code = {{ reporting_currency() }}

),

-- What a campaign of ads cost on a day, and what a single activity did (a fair, a letter, a call).
costs as (

    select
        ad_costs.ad_cost_id as cost_id,
        'ads' as cost_source,
        traffic.channel,
        ad_costs.utm_campaign as campaign,
        ad_costs.impression_count,
        ad_costs.click_count,
        ad_costs.currency_code,
        ad_costs.cost_amount,
        ad_costs.cost_date
    from ad_costs
    inner join traffic
        on
            ad_costs.utm_source = traffic.traffic_source
            and ad_costs.utm_medium = traffic.traffic_medium
            and ad_costs.utm_campaign is not distinct from traffic.utm_campaign
    union all
    select
        touchpoint_id,
        'activities',
        channel,
        campaign,
        null,
        null,
        coalesce(currency_code, {{ reporting_currency() }}),
        cost_amount,
        {{ business_date('occurred_at') }}
    from activities

)

select
    costs.cost_id,
    costs.cost_source,
    costs.channel,
    costs.campaign,
    costs.impression_count,
    costs.click_count,
    costs.currency_code,
    costs.cost_amount,
    costs.cost_amount::decimal(20, 3)
    * {{ reporting_rate('costs.currency_code') }} as cost_amount_reporting,
    costs.cost_date
from costs
-- The rate of the day: the newest that holds by then.
asof left join rates
    on costs.currency_code = rates.currency_code and costs.cost_date >= rates.rate_date
