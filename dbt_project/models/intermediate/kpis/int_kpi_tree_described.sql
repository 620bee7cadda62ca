-- Decompositions whose KPIs the catalogue holds, with both children on one row.
with tree as (

    select * from {{ ref('kpi_tree') }}

),

kpis as (

    select * from {{ ref('dim_kpis') }}

),

paired as (

    select
        tree.decomposition,
        min(tree.parent_kpi) as parent_kpi,
        max(tree.child_kpi) filter (where tree.child_order = 1) as first_kpi,
        max(tree.child_kpi) filter (where tree.child_order = 2) as second_kpi,
        max(tree.child_role) filter (where tree.child_order = 2) as second_role
    from tree
    inner join kpis on tree.child_kpi = kpis.kpi
    group by tree.decomposition

)

select
    paired.decomposition,
    paired.parent_kpi,
    paired.first_kpi,
    paired.second_kpi,
    paired.second_role
from paired
inner join kpis on paired.parent_kpi = kpis.kpi
where paired.first_kpi is not null and paired.second_kpi is not null
