-- What only wrong rules can cause.
select
    finding,
    subject
from {{ ref('kpi_coverage_findings') }}
where finding in ('target_without_kpi', 'kpi_with_unknown_parent')
