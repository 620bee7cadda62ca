with kpi_definitions as (

    select * from {{ ref('kpi_definitions') }}

),

valid as (

    select *
    from kpi_definitions
    where {{ is_known('valid_from::timestamp') }}
    qualify row_number() over (partition by kpi order by valid_from desc) = 1

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
from valid
