{% macro kpi_values_of(period, starts_on) -%}
with periods as (

    select * from {{ ref('int_kpi_periods_valued') }}
    where period = '{{ period }}'

)

select
    periods.kpi_value_id,
    periods.kpi,
    periods.dimension,
    periods.dimension_value,
    kpis.name_ja as kpi_name_ja,
    kpis.name_en as kpi_name_en,
    kpis.unit,
    kpis.stage,
    kpis.owner_department,
    periods.numerator,
    periods.denominator,
    periods.kpi_value,
    periods.target,
    periods.gap_to_target,
    periods.attainment_rate,
    periods.is_target_pro_rata,
    periods.is_complete,
    periods.period_start_date as {{ starts_on }}
from periods
left join {{ ref('dim_kpis') }} as kpis on periods.kpi = kpis.kpi
{%- endmacro %}
