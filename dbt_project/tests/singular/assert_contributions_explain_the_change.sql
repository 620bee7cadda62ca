with explained as (

    select
        period,
        period_start_date,
        decomposition,
        dimension,
        dimension_value,
        min(parent_after_value) - min(parent_before_value) as parent_change,
        sum(contribution_value) as contribution,
        count(*) as children,
        max(greatest(abs(parent_after_value), abs(parent_before_value))) as size
    from {{ ref('kpi_contributions') }}
    group by period, period_start_date, decomposition, dimension, dimension_value

)

select *
from explained
-- Six digits are rounded away at each of four numbers.
where children != 2 or abs(parent_change - contribution) > 0.00001 + size * 0.000000001
union all
-- The parent of a decomposition is the KPI that the catalogue defines, where that has a value.
select explained.*
from explained
inner join {{ ref('kpi_contributions') }} as contributions
    on
        explained.period = contributions.period
        and explained.period_start_date = contributions.period_start_date
        and explained.decomposition = contributions.decomposition
        and explained.dimension = contributions.dimension
        and explained.dimension_value = contributions.dimension_value
inner join {{ ref('kpi_monthly') }} as kpis
    on
        contributions.parent_kpi = kpis.kpi
        and contributions.dimension = kpis.dimension
        and contributions.dimension_value = kpis.dimension_value
        and contributions.period_start_date = kpis.month_start_date
where
    contributions.period = 'month'
    and abs(contributions.parent_after_value - kpis.kpi_value)
    > 0.00001 + explained.size * 0.000000001
