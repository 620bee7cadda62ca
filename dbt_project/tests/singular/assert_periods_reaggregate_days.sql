with days as (

    select
        kpi,
        dimension,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_daily') }}
    group by kpi, dimension

),

periods as (

    select
        kpi,
        dimension,
        'week' as period,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_weekly') }}
    group by kpi, dimension
    union all
    select
        kpi,
        dimension,
        'month',
        sum(numerator),
        sum(denominator)
    from {{ ref('kpi_monthly') }}
    group by kpi, dimension

)

select periods.*
from periods
inner join days on periods.kpi = days.kpi and periods.dimension = days.dimension
where
    -- Uniques of a period are fewer than those of its days.
    periods.kpi not in (
        select kpis.kpi
        from {{ ref('dim_kpis') }} as kpis
        inner join {{ ref('kpi_measures') }} as measures
            on measures.measure in (kpis.numerator_measure, kpis.denominator_measure)
        where measures.is_distinct
    )
    and (
        periods.numerator != days.numerator
        or periods.denominator is distinct from days.denominator
    )
