with sessions as (

    select * from {{ ref('fct_sessions') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

touchpoints as (

    select * from {{ ref('fct_touchpoints') }}

),

revenue_points as (

    select * from {{ ref('fct_revenue_points') }}

),

survey_scores as (

    select * from {{ ref('fct_survey_scores') }}

),

deals as (

    select * from {{ ref('stg_crm__deals') }}
    where is_known and closed_at is not null

),

tickets as (

    select * from {{ ref('stg_crm__tickets') }}
    where is_known

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}

),

ad_costs as (

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

),

session_measures as (

    select
        sessions.session_date as kpi_date,
        sessions.channel,
        persons.persona,
        sessions.device_type,
        count(*) as sessions,
        count(*) filter (where sessions.is_engaged) as engaged_sessions,
        count(*) filter (where sessions.is_first_of_day) as visitors,
        count(*) filter (where sessions.visitor_session_number = 1) as new_visitors
    from (
        select
            *,
            row_number() over (
                partition by visitor_id, session_date order by started_at, session_id
            ) = 1 as is_first_of_day
        from sessions
    ) as sessions
    left join persons on sessions.person_id = persons.person_id
    group by sessions.session_date, sessions.channel, persons.persona, sessions.device_type

),

touchpoint_measures as (

    select
        {{ business_date('touchpoints.occurred_at') }} as kpi_date,
        touchpoints.channel,
        touchpoints.persona,
        sessions.device_type,
        count(*) filter (where touchpoints.touchpoint_name = 'generate_lead') as leads,
        count(*) filter (where touchpoints.touchpoint_name = 'add_to_cart') as cart_adds,
        count(*) filter (where touchpoints.touchpoint_type = 'referral') as referrals
    from touchpoints
    left join sessions on touchpoints.session_id = sessions.session_id
    where touchpoints.touchpoint_type in ('web_event', 'referral')
    group by
        {{ business_date('touchpoints.occurred_at') }},
        touchpoints.channel,
        touchpoints.persona,
        sessions.device_type

),

order_measures as (

    select
        {{ business_date('revenue_points.occurred_at') }} as kpi_date,
        revenue_points.preceding_channel as channel,
        persons.persona,
        count(*) filter (where revenue_points.is_order_paid) as paid_orders,
        count(*) filter (where revenue_points.paid_order_number = 1) as new_customers,
        count(*) filter (where revenue_points.paid_order_number > 1) as repeat_orders,
        sum(revenue_points.contracted_amount_reporting) filter (
            where revenue_points.is_order_paid
        ) as paid_order_value
    from revenue_points
    left join persons on revenue_points.person_id = persons.person_id
    where revenue_points.point_type in ('order', 'renewal')
    group by
        {{ business_date('revenue_points.occurred_at') }},
        revenue_points.preceding_channel,
        persons.persona

),

payment_measures as (

    select
        {{ business_date('revenue_points.occurred_at') }} as kpi_date,
        revenue_points.preceding_channel as channel,
        persons.persona,
        sum(revenue_points.paid_amount_reporting) as net_paid,
        sum(greatest(revenue_points.paid_amount_reporting, 0)) as charged,
        sum(-least(revenue_points.paid_amount_reporting, 0)) as refunded
    from revenue_points
    left join persons on revenue_points.person_id = persons.person_id
    where revenue_points.point_type in ('payment', 'refund', 'chargeback')
    group by
        {{ business_date('revenue_points.occurred_at') }},
        revenue_points.preceding_channel,
        persons.persona

),

ad_measures as (

    select
        ad_costs.cost_date as kpi_date,
        traffic.channel,
        sum(ad_costs.impression_count) as impressions,
        sum(ad_costs.click_count) as ad_clicks,
        sum(
            ad_costs.cost_amount
            * case
                when ad_costs.currency_code = {{ reporting_currency() }} then 1
                else rates.rate
            end
        ) as ad_cost
    from ad_costs
    inner join traffic
        on
            ad_costs.utm_source = traffic.traffic_source
            and ad_costs.utm_medium = traffic.traffic_medium
            and ad_costs.utm_campaign is not distinct from traffic.utm_campaign
    asof left join rates
        on ad_costs.currency_code = rates.currency_code and ad_costs.cost_date >= rates.rate_date
    group by ad_costs.cost_date, traffic.channel

),

deal_measures as (

    select
        {{ business_date('deals.closed_at') }} as kpi_date,
        persons.persona,
        count(*) as deals_closed,
        count(*) filter (where deals.deal_status = 'won') as deals_won
    from deals
    left join identifiers
        on
            identifiers.identifier_type = 'contact'
            and deals.contact_id = identifiers.identifier_value
    left join persons on identifiers.person_id = persons.person_id
    group by {{ business_date('deals.closed_at') }}, persons.persona

),

ticket_measures as (

    select
        {{ business_date('tickets.opened_at') }} as kpi_date,
        touchpoints.persona,
        count(*) as tickets,
        count(tickets.first_responded_at) as tickets_responded,
        sum({{ seconds_between('tickets.opened_at', 'tickets.first_responded_at') }})
        / 3600.0 as first_response_hours
    from tickets
    inner join touchpoints on tickets.ticket_id = touchpoints.ticket_id
    group by {{ business_date('tickets.opened_at') }}, touchpoints.persona

),

score_measures as (

    select
        {{ business_date('responded_at') }} as kpi_date,
        persona,
        count(*) filter (where metric = 'csat') as csat_answers,
        count(*) filter (where score_class = 'satisfied') as csat_satisfied,
        count(*) filter (where metric = 'ces') as ces_answers,
        sum(score) filter (where metric = 'ces') as ces_points,
        count(*) filter (where metric = 'nps') as nps_answers,
        count(*) filter (where score_class = 'promoter') as nps_promoters,
        count(*) filter (where score_class = 'promoter')
        - count(*) filter (where score_class = 'detractor') as nps_balance
    from survey_scores
    group by {{ business_date('responded_at') }}, persona

),

unioned as (

    select
        kpi_date,
        'sessions' as measure,
        channel,
        persona,
        device_type,
        sessions as quantity
    from session_measures
    union all
    select
        kpi_date,
        'engaged_sessions' as measure,
        channel,
        persona,
        device_type,
        engaged_sessions as quantity
    from session_measures
    union all
    select
        kpi_date,
        'visitors' as measure,
        channel,
        persona,
        device_type,
        visitors as quantity
    from session_measures
    union all
    select
        kpi_date,
        'new_visitors' as measure,
        channel,
        persona,
        device_type,
        new_visitors as quantity
    from session_measures
    union all
    select
        kpi_date,
        'leads' as measure,
        channel,
        persona,
        device_type,
        leads as quantity
    from touchpoint_measures
    union all
    select
        kpi_date,
        'cart_adds' as measure,
        channel,
        persona,
        device_type,
        cart_adds as quantity
    from touchpoint_measures
    union all
    select
        kpi_date,
        'referrals' as measure,
        channel,
        persona,
        device_type,
        referrals as quantity
    from touchpoint_measures
    union all
    select
        kpi_date,
        'paid_orders' as measure,
        channel,
        persona,
        null as device_type,
        paid_orders as quantity
    from order_measures
    union all
    select
        kpi_date,
        'new_customers' as measure,
        channel,
        persona,
        null as device_type,
        new_customers as quantity
    from order_measures
    union all
    select
        kpi_date,
        'repeat_orders' as measure,
        channel,
        persona,
        null as device_type,
        repeat_orders as quantity
    from order_measures
    union all
    select
        kpi_date,
        'paid_order_value' as measure,
        channel,
        persona,
        null as device_type,
        paid_order_value as quantity
    from order_measures
    union all
    select
        kpi_date,
        'net_paid' as measure,
        channel,
        persona,
        null as device_type,
        net_paid as quantity
    from payment_measures
    union all
    select
        kpi_date,
        'charged' as measure,
        channel,
        persona,
        null as device_type,
        charged as quantity
    from payment_measures
    union all
    select
        kpi_date,
        'refunded' as measure,
        channel,
        persona,
        null as device_type,
        refunded as quantity
    from payment_measures
    union all
    select
        kpi_date,
        'impressions' as measure,
        channel,
        null as persona,
        null as device_type,
        impressions as quantity
    from ad_measures
    union all
    select
        kpi_date,
        'ad_clicks' as measure,
        channel,
        null as persona,
        null as device_type,
        ad_clicks as quantity
    from ad_measures
    union all
    select
        kpi_date,
        'ad_cost' as measure,
        channel,
        null as persona,
        null as device_type,
        ad_cost as quantity
    from ad_measures
    union all
    select
        kpi_date,
        'deals_closed' as measure,
        null as channel,
        persona,
        null as device_type,
        deals_closed as quantity
    from deal_measures
    union all
    select
        kpi_date,
        'deals_won' as measure,
        null as channel,
        persona,
        null as device_type,
        deals_won as quantity
    from deal_measures
    union all
    select
        kpi_date,
        'tickets' as measure,
        null as channel,
        persona,
        null as device_type,
        tickets as quantity
    from ticket_measures
    union all
    select
        kpi_date,
        'tickets_responded' as measure,
        null as channel,
        persona,
        null as device_type,
        tickets_responded as quantity
    from ticket_measures
    union all
    select
        kpi_date,
        'first_response_hours' as measure,
        null as channel,
        persona,
        null as device_type,
        first_response_hours as quantity
    from ticket_measures
    union all
    select
        kpi_date,
        'csat_answers' as measure,
        null as channel,
        persona,
        null as device_type,
        csat_answers as quantity
    from score_measures
    union all
    select
        kpi_date,
        'csat_satisfied' as measure,
        null as channel,
        persona,
        null as device_type,
        csat_satisfied as quantity
    from score_measures
    union all
    select
        kpi_date,
        'ces_answers' as measure,
        null as channel,
        persona,
        null as device_type,
        ces_answers as quantity
    from score_measures
    union all
    select
        kpi_date,
        'ces_points' as measure,
        null as channel,
        persona,
        null as device_type,
        ces_points as quantity
    from score_measures
    union all
    select
        kpi_date,
        'nps_answers' as measure,
        null as channel,
        persona,
        null as device_type,
        nps_answers as quantity
    from score_measures
    union all
    select
        kpi_date,
        'nps_promoters' as measure,
        null as channel,
        persona,
        null as device_type,
        nps_promoters as quantity
    from score_measures
    union all
    select
        kpi_date,
        'nps_balance' as measure,
        null as channel,
        persona,
        null as device_type,
        nps_balance as quantity
    from score_measures

)

select
    kpi_date,
    measure,
    coalesce(channel, '(not set)') as channel,
    coalesce(persona, '(not set)') as persona,
    coalesce(device_type, '(not set)') as device_type,
    sum(quantity)::decimal(24, 4) as quantity
from unioned
where quantity is not null and quantity != 0
group by
    kpi_date,
    measure,
    coalesce(channel, '(not set)'),
    coalesce(persona, '(not set)'),
    coalesce(device_type, '(not set)')
