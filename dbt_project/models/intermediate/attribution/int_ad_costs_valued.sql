with ad_costs as (

    select * from {{ ref('stg_web__ad_costs') }}
    where is_known

),

traffic as (

    select * from {{ ref('int_traffic_matched_to_channels') }}

),

rates as (

    select *
    from {{ ref('currency_rates') }}
    where reporting_currency_code = {{ reporting_currency() }}

)

select
    ad_costs.cost_date,
    ad_costs.utm_source,
    ad_costs.utm_medium,
    ad_costs.utm_campaign,
    traffic.channel,
    ad_costs.impression_count,
    ad_costs.click_count,
    ad_costs.currency_code,
    ad_costs.cost_amount,
    ad_costs.cost_amount::decimal(20, 3)
    * {{ reporting_rate('ad_costs.currency_code') }} as cost_amount_reporting
from ad_costs
inner join traffic
    on
        ad_costs.utm_source = traffic.traffic_source
        and ad_costs.utm_medium = traffic.traffic_medium
        and ad_costs.utm_campaign is not distinct from traffic.utm_campaign
-- The rate of the day: the newest that holds by then.
asof left join rates
    on ad_costs.currency_code = rates.currency_code and ad_costs.cost_date >= rates.rate_date
