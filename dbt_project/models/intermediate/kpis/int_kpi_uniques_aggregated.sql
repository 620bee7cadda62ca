with sessions as (

    select * from {{ ref('fct_sessions') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

presences as (

    select
        'visitors' as measure,
        sessions.visitor_id as unique_id,
        sessions.session_date as present_date,
        sessions.started_at as present_at,
        sessions.session_id as presence_id,
        coalesce(sessions.channel, '(not set)') as channel,
        coalesce(persons.persona, '(not set)') as persona,
        coalesce(sessions.device_type, '(not set)') as device
    from sessions
    left join persons on sessions.person_id = persons.person_id
    union all
    select
        'active_customers',
        person_id,
        active_date,
        active_date::timestamp,
        active_date::varchar,
        '(not set)',
        coalesce(persona, '(not set)'),
        '(not set)'
    from {{ ref('int_active_customer_days_derived') }}
    union all
    select
        'using_customers',
        person_id,
        used_date,
        used_date::timestamp,
        used_date::varchar,
        '(not set)',
        coalesce(persona, '(not set)'),
        '(not set)'
    from {{ ref('int_usage_days_derived') }}

),

arrivals as (

    select
        *,
        lag(present_date) over (
            partition by measure, unique_id order by present_at, presence_id
        ) as previous_date
    from presences

),

periods as (

    select
        *,
        'week' as period,
        date_trunc('week', present_date)::date as period_start_date,
        date_trunc('week', present_date)::date + 6 as period_end_date
    from arrivals
    union all
    select
        *,
        'month',
        {{ month_start_date('present_date') }},
        last_day(present_date)
    from arrivals

),

-- Whoever came several times in a period is one, where he or she first was.
firsts as (

    select *
    from periods
    where previous_date is null or previous_date < period_start_date

),

-- A customer can be there on each day of the period that the run has seen.
counted as (

    select
        measure,
        period,
        period_start_date,
        channel,
        persona,
        device,
        1 as quantity
    from firsts
    union all
    select
        'reachable_customer_days',
        period,
        period_start_date,
        channel,
        persona,
        device,
        least(period_end_date, {{ last_business_date() }}) - period_start_date + 1
    from firsts
    where measure = 'active_customers'

)

select
    measure,
    period,
    period_start_date,
    {{ slice_of(['channel', 'persona', 'device']) }},
    sum(quantity)::decimal(24, 4) as quantity
from counted
group by grouping sets (
    (measure, period, period_start_date),
    (measure, period, period_start_date, channel),
    (measure, period, period_start_date, persona),
    (measure, period, period_start_date, device)
)
