with parts as (

    select * from {{ ref('int_kpi_parts_derived') }}

),

kpis as (

    select * from {{ ref('dim_kpis') }}

),

kpi_measures as (

    select * from {{ ref('kpi_measures') }}

)

select
    {{ surrogate_key(
        ['parts.kpi_date', 'parts.kpi', 'parts.channel', 'parts.persona', 'parts.device_type']
    ) }} as kpi_sum_id,
    parts.kpi,
    kpis.name_ja as kpi_name_ja,
    kpis.name_en as kpi_name_en,
    kpis.unit,
    kpis.stage,
    kpis.owner_department,
    parts.channel,
    parts.persona,
    parts.device_type,
    parts.numerator,
    case when kpis.denominator_measure is not null then parts.denominator end as denominator,
    kpis.multiplier,
    parts.kpi_date
from parts
inner join kpis on parts.kpi = kpis.kpi
left join kpi_measures as numerator_measures
    on kpis.numerator_measure = numerator_measures.measure
left join kpi_measures as denominator_measures
    on kpis.denominator_measure = denominator_measures.measure
-- Who came on two days is one of the two days' uniques: what counts them does not add up.
where
    not coalesce(numerator_measures.is_distinct, false)
    and not coalesce(denominator_measures.is_distinct, false)
