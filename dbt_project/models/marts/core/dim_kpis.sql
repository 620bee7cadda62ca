with kpi_definitions as (

    select * from {{ newest_version('kpi_definitions', ['kpi']) }}

)

select
    kpi,
    stage,
    name_ja,
    name_en,
    unit,
    scale,
    numerator_measure,
    denominator_measure,
    direction,
    owner_department,
    parent_kpi,
    multiplier::integer as multiplier,
    minimum_denominator::integer as minimum_denominator,
    valid_from as valid_from_date
from kpi_definitions
