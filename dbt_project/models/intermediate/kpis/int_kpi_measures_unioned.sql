with web_measures as (

    select
        kpi_date,
        channel,
        persona,
        device_type,
        sum(sessions) as sessions,
        sum(engaged_sessions) as engaged_sessions,
        sum(visitors) as visitors,
        sum(new_visitors) as new_visitors,
        sum(cart_sessions) as cart_sessions,
        sum(abandoned_carts) as abandoned_carts,
        sum(document_requests) as document_requests,
        sum(cart_adds) as cart_adds,
        sum(referrals) as referrals
    from {{ ref('int_kpi_web_measures_aggregated') }}
    group by kpi_date, channel, persona, device_type

),

-- Each row counts what its source can count and has the dimensions that its source knows: the
-- rest is null. A measure is one column of one of these.
wide as (

    select * from web_measures
    union all by name
    select * from {{ ref('int_kpi_money_measures_aggregated') }}
    union all by name
    select * from {{ ref('int_kpi_order_measures_aggregated') }}
    union all by name
    select * from {{ ref('int_kpi_service_measures_aggregated') }}
    union all by name
    select * from {{ ref('int_kpi_customer_measures_aggregated') }}

),

{%- set measures = (
    'sessions engaged_sessions visitors new_visitors cart_sessions abandoned_carts'
    ~ ' document_requests cart_adds referrals'
    ~ ' renewals paid_order_value net_paid order_net_paid renewal_net_paid charged refunded'
    ~ ' membership_measured_charged member_charged coupon_measured_orders coupon_orders'
    ~ ' ad_net_paid impressions impressions_clicked ad_clicks ad_cost marketing_cost ad_return'
    ~ ' emails_sent emails_clicked deals_closed deals_won tickets tickets_responded'
    ~ ' first_response_hours tickets_resolved resolution_hours handled_tickets bot_handled_tickets'
    ~ ' csat_answers csat_satisfied ces_answers ces_points'
    ~ ' judged_mentions negative_mentions nps_answers nps_promoters nps_balance reviews'
    ~ ' usage_days using_customers active_customers active_customer_days reachable_customer_days days_to_purchase'
    ~ ' days_between_orders orders_judged orders_retained orders_churned subscriptions_judged'
    ~ ' subscriptions_retained subscriptions_churned customers_to_onboard customers_onboarded'
    ~ ' customers_valued lifetime_paid subscriptions_cancelled'
).split() %}

-- Of one type: a column of several decimals keeps the digits of the widest, not of the finest.
measured as (

    {% for measure in measures %}
        select
            kpi_date,
            channel,
            persona,
            device_type,
            '{{ measure }}' as measure,
            {{ measure }}::decimal(24, 4) as quantity
        from wide
        where {{ measure }} is not null
        union all
    {% endfor %}
    select
        kpi_date,
        channel,
        persona,
        device_type,
        measure,
        quantity
    from {{ ref('int_kpi_conversion_measures_aggregated') }}

),

summed as (

    select
        kpi_date,
        measure,
        coalesce(channel, '(not set)') as channel,
        coalesce(persona, '(not set)') as persona,
        coalesce(device_type, '(not set)') as device_type,
        sum(quantity) as quantity
    from measured
    where quantity != 0
    group by
        kpi_date,
        measure,
        coalesce(channel, '(not set)'),
        coalesce(persona, '(not set)'),
        coalesce(device_type, '(not set)')

)

select
    kpi_date,
    measure,
    channel,
    persona,
    device_type,
    quantity::decimal(24, 4) as quantity
from summed
union all
-- A day on which nothing happened is one of 0.
select
    live_days.kpi_date,
    live_days.measure,
    '(not set)',
    '(not set)',
    '(not set)',
    0::decimal(24, 4)
from {{ ref('int_kpi_live_days_derived') }} as live_days
left join summed on live_days.kpi_date = summed.kpi_date and live_days.measure = summed.measure
where summed.measure is null
