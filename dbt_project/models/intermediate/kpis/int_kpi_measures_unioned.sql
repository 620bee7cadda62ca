with persons as (

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

channels as (

    select * from {{ ref('dim_channels') }}

),

activities as (

    select * from {{ ref('stg_crm__activities') }}
    where is_known and activity_type in ('email', 'mailing') and direction = 'outbound'

),

sessions as (

    select * from {{ ref('fct_sessions') }}

),

web_orders as (

    select * from {{ ref('int_orders_matched_to_sessions') }}

),

purchases as (

    select * from {{ ref('int_web_events_matched_to_sessions') }}
    where event_name = 'purchase' and order_id is null

),

customer_measures as (

    select * from {{ ref('int_kpi_customer_measures_unioned') }}

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

    select * from {{ ref('int_ad_costs_valued') }}

),

web_measures as (

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
        sum(leads) as leads,
        sum(cart_adds) as cart_adds,
        sum(referrals) as referrals
    from {{ ref('int_kpi_web_measures_aggregated') }}
    group by kpi_date, channel, persona, device_type

),

-- A session counts once however many orders it holds, and an order only in the session that
-- placed it; a purchase of a tracker without order numbers is an order too.
order_sessions as (

    select session_id from web_orders
    union
    select session_id from purchases

),

order_session_measures as (

    select
        sessions.session_date as kpi_date,
        sessions.channel,
        persons.persona,
        sessions.device_type,
        count(*) as order_sessions
    from sessions
    inner join order_sessions on sessions.session_id = order_sessions.session_id
    left join persons on sessions.person_id = persons.person_id
    group by sessions.session_date, sessions.channel, persons.persona, sessions.device_type

),

email_measures as (

    select
        {{ business_date('activities.occurred_at') }} as kpi_date,
        persons.persona,
        count(*) as emails_sent,
        count(*) filter (where activities.outcome = 'clicked') as emails_clicked
    from activities
    left join identifiers
        on
            identifiers.identifier_type = 'contact'
            and activities.contact_id = identifiers.identifier_value
    left join persons on identifiers.person_id = persons.person_id
    group by {{ business_date('activities.occurred_at') }}, persons.persona

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
        sum(revenue_points.paid_amount_reporting) filter (where channels.is_paid) as ad_net_paid
    from revenue_points
    left join channels on revenue_points.preceding_channel = channels.channel
    left join persons on revenue_points.person_id = persons.person_id
    where revenue_points.point_type in ('payment', 'refund', 'chargeback')
    group by
        {{ business_date('revenue_points.occurred_at') }},
        revenue_points.preceding_channel,
        persons.persona

),

-- An order's money, on the day of its first charge, and what was given back of it since.
settled_orders as (

    select
        order_id,
        {{ business_date('min(occurred_at) filter (where paid_amount > 0)') }} as kpi_date,
        arg_min(preceding_channel, (occurred_at, revenue_point_id)) filter (
            where paid_amount > 0
        ) as channel,
        max(person_id) as person_id,
        sum(greatest(paid_amount_reporting, 0)) as charged,
        sum(-least(paid_amount_reporting, 0)) as given_back
    from revenue_points
    where point_type in ('payment', 'refund', 'chargeback')
    group by order_id
    having count(*) filter (where paid_amount > 0) > 0

),

refund_measures as (

    select
        settled_orders.kpi_date,
        settled_orders.channel,
        persons.persona,
        sum(settled_orders.charged) as charged,
        sum(least(settled_orders.charged, settled_orders.given_back)) as refunded
    from settled_orders
    left join persons on settled_orders.person_id = persons.person_id
    group by settled_orders.kpi_date, settled_orders.channel, persons.persona

),

ad_measures as (

    select
        cost_date as kpi_date,
        channel,
        sum(impression_count) as impressions,
        -- Of impressions that are told: some networks tell clicks alone.
        sum(least(click_count, impression_count)) filter (
            where impression_count is not null
        ) as impressions_clicked,
        sum(click_count) as ad_clicks,
        sum(cost_amount_reporting) as ad_cost
    from ad_costs
    group by cost_date, channel

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
        - count(*) filter (where score_class = 'detractor') as nps_balance,
        count(*) filter (where is_public_review) as reviews
    from survey_scores
    group by {{ business_date('responded_at') }}, persona

),

-- Of one type: a union of decimals keeps the digits of the widest, not of the finest.
unioned as (

    select
        kpi_date,
        'sessions' as measure,
        channel,
        persona,
        device_type,
        sessions::decimal(24, 4) as quantity
    from web_measures
    union all
    select
        kpi_date,
        'engaged_sessions' as measure,
        channel,
        persona,
        device_type,
        engaged_sessions::decimal(24, 4) as quantity
    from web_measures
    union all
    select
        kpi_date,
        'order_sessions' as measure,
        channel,
        persona,
        device_type,
        order_sessions::decimal(24, 4) as quantity
    from order_session_measures
    union all
    select
        kpi_date,
        'visitors' as measure,
        channel,
        persona,
        device_type,
        visitors::decimal(24, 4) as quantity
    from web_measures
    union all
    select
        kpi_date,
        'new_visitors' as measure,
        channel,
        persona,
        device_type,
        new_visitors::decimal(24, 4) as quantity
    from web_measures
    union all
    select
        kpi_date,
        'leads' as measure,
        channel,
        persona,
        device_type,
        leads::decimal(24, 4) as quantity
    from web_measures
    union all
    select
        kpi_date,
        'cart_adds' as measure,
        channel,
        persona,
        device_type,
        cart_adds::decimal(24, 4) as quantity
    from web_measures
    union all
    select
        kpi_date,
        'referrals' as measure,
        channel,
        persona,
        device_type,
        referrals::decimal(24, 4) as quantity
    from web_measures
    union all
    select
        kpi_date,
        'paid_orders' as measure,
        channel,
        persona,
        null as device_type,
        paid_orders::decimal(24, 4) as quantity
    from order_measures
    union all
    select
        kpi_date,
        'new_customers' as measure,
        channel,
        persona,
        null as device_type,
        new_customers::decimal(24, 4) as quantity
    from order_measures
    union all
    select
        kpi_date,
        'repeat_orders' as measure,
        channel,
        persona,
        null as device_type,
        repeat_orders::decimal(24, 4) as quantity
    from order_measures
    union all
    select
        kpi_date,
        'paid_order_value' as measure,
        channel,
        persona,
        null as device_type,
        paid_order_value::decimal(24, 4) as quantity
    from order_measures
    union all
    select
        kpi_date,
        'net_paid' as measure,
        channel,
        persona,
        null as device_type,
        net_paid::decimal(24, 4) as quantity
    from payment_measures
    union all
    select
        kpi_date,
        'charged' as measure,
        channel,
        persona,
        null as device_type,
        charged::decimal(24, 4) as quantity
    from refund_measures
    union all
    select
        kpi_date,
        'refunded' as measure,
        channel,
        persona,
        null as device_type,
        refunded::decimal(24, 4) as quantity
    from refund_measures
    union all
    select
        kpi_date,
        'impressions' as measure,
        channel,
        null as persona,
        null as device_type,
        impressions::decimal(24, 4) as quantity
    from ad_measures
    union all
    select
        kpi_date,
        'impressions_clicked' as measure,
        channel,
        null as persona,
        null as device_type,
        impressions_clicked::decimal(24, 4) as quantity
    from ad_measures
    union all
    select
        kpi_date,
        'ad_clicks' as measure,
        channel,
        null as persona,
        null as device_type,
        ad_clicks::decimal(24, 4) as quantity
    from ad_measures
    union all
    select
        kpi_date,
        'ad_cost' as measure,
        channel,
        null as persona,
        null as device_type,
        ad_cost::decimal(24, 4) as quantity
    from ad_measures
    union all
    select
        kpi_date,
        'deals_closed' as measure,
        null as channel,
        persona,
        null as device_type,
        deals_closed::decimal(24, 4) as quantity
    from deal_measures
    union all
    select
        kpi_date,
        'deals_won' as measure,
        null as channel,
        persona,
        null as device_type,
        deals_won::decimal(24, 4) as quantity
    from deal_measures
    union all
    select
        kpi_date,
        'tickets' as measure,
        null as channel,
        persona,
        null as device_type,
        tickets::decimal(24, 4) as quantity
    from ticket_measures
    union all
    select
        kpi_date,
        'tickets_responded' as measure,
        null as channel,
        persona,
        null as device_type,
        tickets_responded::decimal(24, 4) as quantity
    from ticket_measures
    union all
    select
        kpi_date,
        'first_response_hours' as measure,
        null as channel,
        persona,
        null as device_type,
        first_response_hours::decimal(24, 4) as quantity
    from ticket_measures
    union all
    select
        kpi_date,
        'csat_answers' as measure,
        null as channel,
        persona,
        null as device_type,
        csat_answers::decimal(24, 4) as quantity
    from score_measures
    union all
    select
        kpi_date,
        'csat_satisfied' as measure,
        null as channel,
        persona,
        null as device_type,
        csat_satisfied::decimal(24, 4) as quantity
    from score_measures
    union all
    select
        kpi_date,
        'ces_answers' as measure,
        null as channel,
        persona,
        null as device_type,
        ces_answers::decimal(24, 4) as quantity
    from score_measures
    union all
    select
        kpi_date,
        'ces_points' as measure,
        null as channel,
        persona,
        null as device_type,
        ces_points::decimal(24, 4) as quantity
    from score_measures
    union all
    select
        kpi_date,
        'nps_answers' as measure,
        null as channel,
        persona,
        null as device_type,
        nps_answers::decimal(24, 4) as quantity
    from score_measures
    union all
    select
        kpi_date,
        'nps_promoters' as measure,
        null as channel,
        persona,
        null as device_type,
        nps_promoters::decimal(24, 4) as quantity
    from score_measures
    union all
    select
        kpi_date,
        'nps_balance' as measure,
        null as channel,
        persona,
        null as device_type,
        nps_balance::decimal(24, 4) as quantity
    from score_measures
    union all
    select
        kpi_date,
        'document_requests' as measure,
        channel,
        persona,
        device_type,
        document_requests::decimal(24, 4) as quantity
    from web_measures
    union all
    select
        kpi_date,
        'cart_sessions' as measure,
        channel,
        persona,
        device_type,
        cart_sessions::decimal(24, 4) as quantity
    from web_measures
    union all
    select
        kpi_date,
        'abandoned_carts' as measure,
        channel,
        persona,
        device_type,
        abandoned_carts::decimal(24, 4) as quantity
    from web_measures
    union all
    select
        kpi_date,
        'emails_sent' as measure,
        'email' as channel,
        persona,
        null as device_type,
        emails_sent::decimal(24, 4) as quantity
    from email_measures
    union all
    select
        kpi_date,
        'emails_clicked' as measure,
        'email' as channel,
        persona,
        null as device_type,
        emails_clicked::decimal(24, 4) as quantity
    from email_measures
    union all
    select
        kpi_date,
        'ad_net_paid' as measure,
        channel,
        persona,
        null as device_type,
        ad_net_paid::decimal(24, 4) as quantity
    from payment_measures
    union all
    select
        kpi_date,
        'ad_return' as measure,
        channel,
        persona,
        null as device_type,
        ad_net_paid::decimal(24, 4) as quantity
    from payment_measures
    union all
    select
        kpi_date,
        'ad_return' as measure,
        channel,
        null as persona,
        null as device_type,
        -ad_cost::decimal(24, 4) as quantity
    from ad_measures
    union all
    select
        kpi_date,
        'reviews' as measure,
        null as channel,
        persona,
        null as device_type,
        reviews::decimal(24, 4) as quantity
    from score_measures
    union all
    select
        kpi_date,
        measure,
        channel,
        persona,
        null as device_type,
        quantity::decimal(24, 4)
    from customer_measures

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
