with values_daily as (

    select * from {{ ref('int_kpi_values_daily') }}

),

kpis as (

    select * from {{ versions('kpi_definitions', ['kpi']) }}

),

kpi_measures as (

    select * from {{ ref('kpi_measures') }}

),

uniques as (

    select * from {{ ref('int_kpi_uniques_aggregated') }}

),

targets as (

    select * from {{ ref('kpi_targets') }}

),

periods as (

    select
        *,
        'day' as period,
        kpi_date as period_start_date,
        kpi_date as valued_date
    from values_daily
    union all
    select
        *,
        'week',
        date_trunc('week', kpi_date)::date,
        least(date_trunc('week', kpi_date)::date + 6, {{ last_business_date() }})
    from values_daily
    union all
    select
        *,
        'month',
        {{ month_start_date('kpi_date') }},
        least(last_day(kpi_date), {{ last_business_date() }})
    from values_daily

),

-- Numerators and denominators add up over days; values never do.
summed as (

    select
        period,
        period_start_date,
        valued_date,
        kpi,
        dimension,
        dimension_value,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from periods
    group by period, period_start_date, valued_date, kpi, dimension, dimension_value

),

-- Numbers of a period are valued by the version that holds at its end. Who came on several days is
-- one of its uniques.
counted as (

    select
        summed.period,
        summed.period_start_date,
        summed.valued_date,
        summed.kpi,
        summed.dimension,
        summed.dimension_value,
        kpis.direction,
        kpis.scale,
        kpis.multiplier,
        kpis.denominator_measure,
        kpis.minimum_denominator,
        kpis.denominator_measure is null
        and not coalesce(numerator_measures.is_distinct, false) as is_additive,
        case
            when summed.period != 'day' and numerator_measures.is_distinct
                then coalesce(unique_numerators.quantity, 0)
            else summed.numerator
        end as numerator,
        case
            when kpis.denominator_measure is null then null
            when summed.period != 'day' and denominator_measures.is_distinct
                then coalesce(unique_denominators.quantity, 0)
            else summed.denominator
        end as denominator
    from summed
    inner join kpis
        on
            summed.kpi = kpis.kpi
            and {{ holds_on('kpis', 'summed.valued_date') }}
    left join kpi_measures as numerator_measures
        on kpis.numerator_measure = numerator_measures.measure
    left join kpi_measures as denominator_measures
        on kpis.denominator_measure = denominator_measures.measure
    {% for side in ['numerator', 'denominator'] %}
        left join uniques as unique_{{ side }}s
            on
                kpis.{{ side }}_measure = unique_{{ side }}s.measure
                and summed.period = unique_{{ side }}s.period
                and summed.period_start_date = unique_{{ side }}s.period_start_date
                and summed.dimension = unique_{{ side }}s.dimension
                and summed.dimension_value = unique_{{ side }}s.dimension_value
    {% endfor %}

),

valued as (

    select
        kpis.*,
        {{ kpi_value('kpis.numerator', 'kpis.denominator') }} as kpi_value,
        case kpis.period
            {% for period in ['day', 'week', 'month'] %}
                when '{{ period }}'
                    then {{ next_period_start_date('kpis.period_start_date', period) }}
            {% endfor %}
        end as next_start_date
    from counted as kpis

),

targeted as (

    select
        valued.*,
        valued.next_start_date <= {{ business_date(as_of_at()) }} as is_complete,
        targets.target as period_target,
        -- Of what adds up over days, a period that still runs owes the share of its days so far.
        targets.target is not null
        and valued.is_additive
        and valued.next_start_date > {{ business_date(as_of_at()) }} as is_target_pro_rata
    from valued
    -- The target that holds on the first day of the period.
    asof left join targets
        on
            valued.period = targets.period
            and valued.kpi = targets.kpi
            and valued.dimension = targets.dimension
            and valued.dimension_value = targets.dimension_value
            and valued.period_start_date >= targets.valid_from

),

prorated as (

    select
        *,
        case
            when is_target_pro_rata
                then
                    period_target * (valued_date - period_start_date + 1)::double
                    / (next_start_date - period_start_date)
            else period_target
        end as target
    from targeted

)

select
    {{ surrogate_key(['period_start_date', 'kpi', 'dimension', 'dimension_value']) }}
        as kpi_value_id,
    period,
    kpi,
    dimension,
    dimension_value,
    numerator::decimal(24, 4) as numerator,
    denominator::decimal(24, 4) as denominator,
    kpi_value::decimal(24, 6) as kpi_value,
    target::decimal(24, 6) as target,
    (kpi_value - target)::decimal(24, 6) as gap_to_target,
    {{ attainment('kpi_value', 'target', 'direction', 'scale') }}::decimal(24, 6)
        as attainment_rate,
    is_target_pro_rata,
    is_complete,
    period_start_date
from prorated
