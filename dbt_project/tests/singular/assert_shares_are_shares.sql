-- Of every period, channel, persona and device: a numerator that is no part of its denominator would
-- show as a share of more than the whole, or as one of nothing.
select
    values_of_periods.period,
    values_of_periods.period_start_date,
    values_of_periods.kpi,
    values_of_periods.dimension,
    values_of_periods.dimension_value,
    values_of_periods.numerator,
    values_of_periods.denominator
from {{ ref('int_kpi_periods_valued') }} as values_of_periods
inner join {{ ref('dim_kpis') }} as kpis on values_of_periods.kpi = kpis.kpi
where
    kpis.unit = 'share'
    and (
        values_of_periods.numerator < 0
        or values_of_periods.denominator is null
        or values_of_periods.numerator > values_of_periods.denominator
        or values_of_periods.kpi_value not between 0 and 1
    )
