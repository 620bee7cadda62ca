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
    periods.numerator != days.numerator
    or periods.denominator is distinct from days.denominator
