-- severity warn, owner Analytics engineering: a home whose sources lack a lane (Olist: no tickets)
-- has KPIs without data, and a company may have no KPI of a stage; that is worth knowing and no
-- reason to publish nothing.
{{ config(severity='warn') }}

select subject
from {{ ref('kpi_coverage_findings') }}
where finding in ('kpi_without_data', 'stage_without_kpi', 'stage_without_target')
