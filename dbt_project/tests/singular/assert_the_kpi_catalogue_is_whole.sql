-- What only a wrong seed can cause.
select
    finding,
    subject
from {{ ref('kpi_coverage_findings') }}
where finding in ('stage_without_kpi', 'target_without_kpi', 'kpi_with_unknown_parent')
