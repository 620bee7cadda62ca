with parts as (

    select
        *,
        device_type as device
    from {{ ref('int_kpi_parts_derived') }}

)

-- One row per dimension of interest; 'all' is the total.
select
    kpi_date,
    kpi,
    {{ slice_of(['channel', 'persona', 'device']) }},
    sum(numerator)::decimal(24, 4) as numerator,
    sum(denominator)::decimal(24, 4) as denominator
from parts
group by grouping sets (
    (kpi_date, kpi),
    (kpi_date, kpi, channel),
    (kpi_date, kpi, persona),
    (kpi_date, kpi, device)
)
