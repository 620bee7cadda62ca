with kpis as (

    select * from {{ ref('dim_kpis') }}

),

stages as (

    select * from {{ ref('dim_stages') }}

),

targets as (

    select * from {{ ref('kpi_targets') }}

),

kpi_values as (

    select kpi
    from {{ ref('kpi_monthly') }}
    where dimension = 'all' and numerator is not null and coalesce(denominator, 1) != 0
    group by kpi

),

findings as (

    select
        'stage_without_kpi' as finding,
        stages.stage as subject,
        'Add a KPI of this stage to rules/kpi_definitions.csv' as remedy
    from stages
    left join kpis on stages.stage = kpis.stage
    where stages.stage_model = {{ canonical_stage_model() }} and kpis.kpi is null
    union all
    select
        'kpi_without_data',
        kpis.kpi,
        'Load a source that tells ' || kpis.numerator_measure
        || coalesce(' and ' || kpis.denominator_measure, '') || ', or end the KPI'
    from kpis
    left join kpi_values on kpis.kpi = kpi_values.kpi
    where kpi_values.kpi is null
    union all
    select
        'stage_without_target',
        stages.stage,
        'Set a target for a KPI of this stage in rules/kpi_targets.csv'
    from stages
    left join kpis on stages.stage = kpis.stage
    left join targets on kpis.kpi = targets.kpi
    where stages.stage_model = {{ canonical_stage_model() }}
    group by stages.stage
    having count(targets.kpi) = 0

)

select
    {{ surrogate_key(['finding', 'subject']) }} as coverage_finding_id,
    finding,
    subject,
    remedy
from findings
