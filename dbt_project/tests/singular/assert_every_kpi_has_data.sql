-- severity warn, owner Analytics engineering: a home whose sources lack a lane (Olist: no tickets)
-- has KPIs without data; that is worth knowing and no reason to publish nothing.
{{ config(severity='warn') }}

select kpis.kpi
from {{ ref('dim_kpis') }} as kpis
left join {{ ref('kpi_daily') }} as kpi_values on kpis.kpi = kpi_values.kpi
where kpi_values.kpi is null
group by kpis.kpi
