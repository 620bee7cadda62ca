with values_daily as (

    select * from {{ ref('int_kpi_values_daily') }}

),

kpis as (

    select * from {{ versions('kpi_definitions', ['kpi']) }}

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

-- Numbers of a period are valued by the version that holds at its end.
valued as (

    select
        summed.period,
        summed.period_start_date,
        summed.kpi,
        summed.dimension,
        summed.dimension_value,
        kpis.direction,
        kpis.scale,
        summed.numerator,
        case when kpis.denominator_measure is not null then summed.denominator end as denominator,
        {{ kpi_value('summed.numerator', 'summed.denominator') }} as kpi_value
    from summed
    inner join kpis
        on
            summed.kpi = kpis.kpi
            and {{ holds_on('kpis', 'summed.valued_date') }}

)

select
    {{ surrogate_key([
        'valued.period_start_date', 'valued.kpi', 'valued.dimension', 'valued.dimension_value'
    ]) }} as kpi_value_id,
    valued.period,
    valued.kpi,
    valued.dimension,
    valued.dimension_value,
    valued.numerator::decimal(24, 4) as numerator,
    valued.denominator::decimal(24, 4) as denominator,
    valued.kpi_value::decimal(24, 6) as kpi_value,
    targets.target::decimal(24, 6) as target,
    (valued.kpi_value - targets.target)::decimal(24, 6) as gap_to_target,
    {{ attainment(
        'valued.kpi_value', 'targets.target', 'valued.direction', 'valued.scale'
    ) }}::decimal(24, 6) as attainment_rate,
    valued.period_start_date
from valued
-- The target that holds on the first day of the period.
asof left join targets
    on
        valued.period = targets.period
        and valued.kpi = targets.kpi
        and valued.dimension = targets.dimension
        and valued.dimension_value = targets.dimension_value
        and valued.period_start_date >= targets.valid_from
