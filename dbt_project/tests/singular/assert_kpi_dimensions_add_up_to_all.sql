with summed as (

    select
        kpi_date,
        kpi,
        dimension,
        sum(numerator) as numerator,
        sum(coalesce(denominator, 0)) as denominator
    from {{ ref('kpi_daily') }}
    group by kpi_date, kpi, dimension

)

select
    parts.kpi_date,
    parts.kpi,
    parts.dimension
from summed as parts
inner join summed as totals
    on parts.kpi_date = totals.kpi_date and parts.kpi = totals.kpi and totals.dimension = 'all'
where parts.numerator != totals.numerator or parts.denominator != totals.denominator
