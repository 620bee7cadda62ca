with sessions as (

    select
        sessions.*,
        persons.persona,
        order_sessions.session_id is not null as has_order,
        coalesce(order_sessions.has_unnumbered_order, false) as has_unnumbered_order
    from {{ ref('fct_sessions') }} as sessions
    left join {{ ref('dim_persons') }} as persons on sessions.person_id = persons.person_id
    left join {{ ref('int_order_sessions_derived') }} as order_sessions
        on sessions.session_id = order_sessions.session_id

),

-- Who bought on the web on a day, by a tracker without order numbers.
unnumbered_buyers as (

    select
        person_id,
        session_date
    from sessions
    where has_unnumbered_order and person_id is not null
    group by person_id, session_date

),

conversions as (

    select
        conversions.*,
        {{ business_date('conversions.occurred_at') }} as kpi_date,
        persons.persona,
        sessions.device_type
    from {{ ref('fct_conversions') }} as conversions
    left join {{ ref('dim_persons') }} as persons on conversions.person_id = persons.person_id
    left join sessions on conversions.session_id = sessions.session_id

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

-- A session counts once, however many orders and conversions it holds. Types and cycles of
-- conversions are rows of a seed: each is a measure by its name.
counted as (

    {% for relation, measure, condition in [
        ('sessions', "'order_sessions'", 'has_order'),
        ('sessions', "'converting_sessions'", 'has_order or conversion_count > 0'),
        ('conversions', 'conversion_type', 'true'),
        ('conversions', "cycle || '_conversions'", 'true'),
        ('measured_orders', "'measured_orders'", 'true'),
        ('measured_orders', "'offline_orders'", 'is_offline'),
    ] %}
        select
            {{ 'session_date' if relation == 'sessions' else 'kpi_date' }} as kpi_date,
            channel,
            persona,
            device_type,
            {{ measure }} as measure
        from {{ relation }}
        where {{ condition }}
        {%- if not loop.last %}
            union all
        {%- endif %}
    {% endfor %}

)

select
    counted.kpi_date,
    counted.channel,
    counted.persona,
    counted.device_type,
    counted.measure,
    count(*) as quantity
from counted
inner join {{ ref('kpi_measures') }} as kpi_measures on counted.measure = kpi_measures.measure
group by
    counted.kpi_date,
    counted.channel,
    counted.persona,
    counted.device_type,
    counted.measure
