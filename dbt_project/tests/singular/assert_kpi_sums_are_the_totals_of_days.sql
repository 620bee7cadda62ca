with sums as (

    select
        kpi_date,
        kpi,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('kpi_sums_daily') }}
    group by kpi_date, kpi

),

totals as (

    select
        kpi_date,
        kpi,
        numerator,
        denominator
    from {{ ref('kpi_daily') }}
    where dimension = 'all'

)

select
    sums.kpi_date,
    sums.kpi
from sums
left join totals on sums.kpi_date = totals.kpi_date and sums.kpi = totals.kpi
where
    totals.kpi is null
    or sums.numerator is distinct from totals.numerator
    or sums.denominator is distinct from totals.denominator
