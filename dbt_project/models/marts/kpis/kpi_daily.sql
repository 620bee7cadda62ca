with periods as (

    select * from {{ ref('int_kpi_periods_valued') }}
    where period = 'day'

)

select
    kpi_value_id,
    kpi,
    dimension,
    dimension_value,
    numerator,
    denominator,
    kpi_value,
    target,
    gap_to_target,
    attainment_rate,
    is_target_pro_rata,
    is_complete,
    period_start_date as kpi_date
from periods
