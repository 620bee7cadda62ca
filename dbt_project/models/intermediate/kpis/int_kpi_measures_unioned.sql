with sessions as (

    select * from {{ ref('fct_sessions') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

kpi_measures as (

    select * from {{ ref('kpi_measures') }}

),

web_orders as (

    select * from {{ ref('int_orders_matched_to_sessions') }}

),

purchase_types as (

    select * from {{ ref('conversion_types') }}
    where conversion_type = 'web_purchase'

),

purchases as (

    select web_events.*
    from {{ ref('int_web_events_matched_to_sessions') }} as web_events
    inner join purchase_types
        on {{ matches('web_events.event_name', 'purchase_types.name_pattern') }}
    where web_events.order_id is null

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
        count(order_sessions.session_id) as order_sessions,
        count(*) as converting_sessions
    from sessions
    left join order_sessions on sessions.session_id = order_sessions.session_id
    left join persons on sessions.person_id = persons.person_id
    where order_sessions.session_id is not null or sessions.conversion_count > 0
    group by sessions.session_date, sessions.channel, persons.persona, sessions.device_type

),

conversions as (

    select
        conversions.*,
        {{ business_date('conversions.occurred_at') }} as kpi_date,
        persons.persona,
        sessions.device_type
    from {{ ref('fct_conversions') }} as conversions
    left join persons on conversions.person_id = persons.person_id
    left join sessions on conversions.session_id = sessions.session_id

),

-- Who bought on the web on a day, by a tracker that tells no order numbers.
unnumbered_buyers as (

    select
        sessions.person_id,
        sessions.session_date
    from purchases
    inner join sessions on purchases.session_id = sessions.session_id
    where sessions.person_id is not null
    group by sessions.person_id, sessions.session_date

),

-- Whether an order was placed in a visit is known from the day on which visits are measured.
measured_orders as (

    select
        conversions.*,
        conversions.session_id is null and unnumbered_buyers.person_id is null as is_offline
    from conversions
    inner join {{ ref('int_kpi_sources_aggregated') }} as sources
        on
            sources.source_table = 'web.events'
            and conversions.kpi_date >= sources.first_seen_date
    left join unnumbered_buyers
        on
            conversions.person_id = unnumbered_buyers.person_id
            and conversions.kpi_date = unnumbered_buyers.session_date
    where conversions.cycle = 'order'

),

-- Types and cycles of conversions are rows of a seed, so their measures are rows as well:
-- those that a KPI may use.
counted_conversions as (

    select
        kpi_date,
        channel,
        persona,
        device_type,
        conversion_type as measure,
        1 as quantity
    from conversions
    union all
    select
        kpi_date,
        channel,
        persona,
        device_type,
        cycle || '_conversions',
        1
    from conversions
    union all
    select
        kpi_date,
        channel,
        persona,
        device_type,
        'measured_orders',
        1
    from measured_orders
    union all
    select
        kpi_date,
        channel,
        persona,
        device_type,
        'offline_orders',
        1
    from measured_orders
    where is_offline

),

conversion_measures as (

    select counted_conversions.*
    from counted_conversions
    inner join kpi_measures on counted_conversions.measure = kpi_measures.measure

),

-- Each row counts what its source can count and has the dimensions that its source knows: the
-- rest is null. A measure is one column of one of these.
wide as (

    select * from web_measures
    union all by name
    select * from order_session_measures
    union all by name
    select * from {{ ref('int_kpi_money_measures_aggregated') }}
    union all by name
    select * from {{ ref('int_kpi_service_measures_aggregated') }}
    union all by name
    select * from {{ ref('int_kpi_customer_measures_aggregated') }}

),

{%- set measures = [
    'sessions',
    'engaged_sessions',
    'visitors',
    'new_visitors',
    'cart_sessions',
    'abandoned_carts',
    'document_requests',
    'cart_adds',
    'referrals',
    'order_sessions',
    'converting_sessions',
    'renewals',
    'paid_order_value',
    'net_paid',
    'order_net_paid',
    'renewal_net_paid',
    'charged',
    'refunded',
    'ad_net_paid',
    'impressions',
    'impressions_clicked',
    'ad_clicks',
    'ad_cost',
    'marketing_cost',
    'ad_return',
    'emails_sent',
    'emails_clicked',
    'deals_closed',
    'deals_won',
    'tickets',
    'tickets_responded',
    'first_response_hours',
    'csat_answers',
    'csat_satisfied',
    'ces_answers',
    'ces_points',
    'nps_answers',
    'nps_promoters',
    'nps_balance',
    'reviews',
    'active_customers',
    'active_customer_days',
    'reachable_customer_days',
    'days_to_purchase',
    'days_between_orders',
    'orders_judged',
    'orders_retained',
    'orders_churned',
    'subscriptions_judged',
    'subscriptions_retained',
    'subscriptions_churned',
    'customers_to_onboard',
    'customers_onboarded',
    'customers_valued',
    'lifetime_paid',
] %}

-- Of one type: a column of several decimals keeps the digits of the widest, not of the finest.
unpivoted as (

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
        {%- if not loop.last %}
            union all
        {%- endif %}
    {% endfor %}

),

measured as (

    select
        kpi_date,
        channel,
        persona,
        device_type,
        measure,
        quantity
    from unpivoted
    union all
    select
        kpi_date,
        channel,
        persona,
        device_type,
        measure,
        quantity
    from conversion_measures

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

),

-- From the first day on which a source of the measure delivered. Of costs nothing is not known.
live_measures as (

    select
        kpi_measures.measure,
        min(sources.first_seen_date) as first_seen_date
    from kpi_measures
    inner join {{ ref('int_kpi_sources_aggregated') }} as sources
        on {{ matches('sources.source_table', 'kpi_measures.source_tables') }}
    where not coalesce(kpi_measures.is_unknown_when_absent, false)
    group by kpi_measures.measure

),

live_days as (

    select
        measure,
        unnest(
            generate_series(first_seen_date, {{ last_business_date() }}, interval '1 day')
        )::date as kpi_date
    from live_measures

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
from live_days
left join summed on live_days.kpi_date = summed.kpi_date and live_days.measure = summed.measure
where summed.measure is null
