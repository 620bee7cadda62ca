-- Seeds that name a stage, a type of touchpoint, a KPI or a persona without a map.
select steps.step as finding
from {{ ref('journey_map_steps') }} as steps
left join {{ ref('dim_stages') }} as stages
    on stages.stage_model = 'six' and steps.step = stages.stage
left join {{ ref('touchpoint_types') }} as touchpoint_types
    on steps.step = touchpoint_types.touchpoint_type
left join {{ ref('journey_maps') }} as maps
    on steps.persona = maps.persona and steps.map_version = maps.map_version
where
    maps.persona is null
    or (steps.aspect = 'stage' and stages.stage is null)
    or (steps.aspect = 'touchpoint_type' and touchpoint_types.touchpoint_type is null)
union all
select tree.child_kpi
from {{ ref('kpi_tree') }} as tree
left join {{ ref('dim_kpis') }} as parents on tree.parent_kpi = parents.kpi
left join {{ ref('dim_kpis') }} as children on tree.child_kpi = children.kpi
where parents.kpi is null or children.kpi is null
union all
select initiatives.initiative
from {{ ref('initiatives') }} as initiatives
left join {{ ref('dim_kpis') }} as kpis on initiatives.kpi = kpis.kpi
where kpis.kpi is null
union all
-- A mapping of stages must not turn their order around: rising once must be rising in every model.
select later.stage_model
from {{ ref('int_stage_mappings_derived') }} as earlier
inner join {{ ref('int_stage_mappings_derived') }} as later
    on earlier.stage_model = later.stage_model
inner join {{ ref('dim_stages') }} as earlier_stages
    on earlier_stages.stage_model = 'six' and earlier.canonical_stage = earlier_stages.stage
inner join {{ ref('dim_stages') }} as later_stages
    on later_stages.stage_model = 'six' and later.canonical_stage = later_stages.stage
where
    earlier_stages.stage_rank < later_stages.stage_rank
    and earlier.stage_rank > later.stage_rank
    and earlier.valid_to is null
    and later.valid_to is null
