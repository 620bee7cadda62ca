-- Coverage: a stage without a KPI, or a target without a KPI, is a finding.
select stages.stage as finding
from {{ ref('stages') }} as stages
left join {{ ref('dim_kpis') }} as kpis on stages.stage = kpis.stage
where stages.stage_model = 'six' and kpis.kpi is null
union all
select targets.kpi
from {{ ref('kpi_targets') }} as targets
left join {{ ref('dim_kpis') }} as kpis on targets.kpi = kpis.kpi
where kpis.kpi is null
