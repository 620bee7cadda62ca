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

-- Of one type: a column of several decimals keeps the digits of the widest, not of the finest.
typed as (

    select
        kpi_date,
        channel,
        persona,
        device_type,
        columns(* exclude (counted_from, kpi_date, channel, persona, device_type))::decimal(24, 4)
    from wide

),

unpivoted as (

    select * from typed
    unpivot (
        quantity for measure in (columns(* exclude (kpi_date, channel, persona, device_type)))
    )

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

)

select
    kpi_date,
    measure,
    coalesce(channel, '(not set)') as channel,
    coalesce(persona, '(not set)') as persona,
    coalesce(device_type, '(not set)') as device_type,
    sum(quantity)::decimal(24, 4) as quantity
from measured
where quantity != 0
group by
    kpi_date,
    measure,
    coalesce(channel, '(not set)'),
    coalesce(persona, '(not set)'),
    coalesce(device_type, '(not set)')
