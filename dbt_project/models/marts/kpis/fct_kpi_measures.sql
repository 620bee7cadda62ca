with measures as (

    select * from {{ ref('int_kpi_measures_unioned') }}

)

select
    {{ surrogate_key(['kpi_date', 'measure', 'channel', 'persona', 'device_type']) }}
        as kpi_measure_id,
    measure,
    channel,
    persona,
    device_type,
    quantity::decimal(24, 4) as quantity,
    kpi_date
from measures
