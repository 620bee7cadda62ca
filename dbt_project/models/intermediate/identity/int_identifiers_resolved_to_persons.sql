{{ config(materialized='incremental', incremental_strategy='touched_identifiers') }}

with identifiers as (

    select * from {{ touched_rows('int_identifiers_aggregated', 'int_identifiers_touched') }}
    where not is_invalid and not is_erased

),

nodes as (

    select * from {{ ref('int_identity_nodes_numbered') }}

),

components as (

    select * from {{ ref('int_identity_components') }}

),

guarded_edges as (

    select * from {{ touched_rows('int_identity_edges_guarded', 'int_identifiers_touched') }}

),

-- Devices of a crowd: every edge of theirs is cut.
crowded_visitors as (

    select distinct right_identifier_id as identifier_id  -- one row per visitor, not per edge
    from guarded_edges
    where cut_reason = 'shared_device'

),

cut_nodes as (

    select nodes.identifier_id
    from nodes
    inner join components on nodes.node_number = components.node_number
    where components.is_shared_cut or components.is_unique_key_cut

),

-- The rule that first joined the identifier to anything; its own sighting when nothing did.
joining_edges as (

    select guarded_edges.*
    from guarded_edges
    where
        guarded_edges.cut_reason is null
        and guarded_edges.left_identifier_id not in (
            select cut_nodes.identifier_id from cut_nodes
        )
        and guarded_edges.right_identifier_id not in (
            select cut_nodes.identifier_id from cut_nodes
        )

),

edge_ends as (

    select
        left_identifier_id as identifier_id,
        rule,
        first_seen_at,
        edge_id
    from joining_edges
    union all
    select
        right_identifier_id,
        rule,
        first_seen_at,
        edge_id
    from joining_edges

),

first_edges as (

    select
        identifier_id,
        arg_min(rule, (first_seen_at, edge_id)) as rule
    from edge_ends
    group by identifier_id

),

joined as (

    select
        nodes.identifier_id,
        person_nodes.identifier_id as person_id,
        component_nodes.identifier_id as component_id,
        components.is_shared_cut,
        components.is_unique_key_cut,
        first_edges.rule
    from nodes
    inner join components on nodes.node_number = components.node_number
    inner join nodes as person_nodes on components.person_node = person_nodes.node_number
    inner join nodes as component_nodes on components.component_node = component_nodes.node_number
    left join first_edges on nodes.identifier_id = first_edges.identifier_id

)

-- An identifier that nothing joins is a person of its own.
select
    identifiers.identifier_id,
    coalesce(joined.person_id, identifiers.identifier_id) as person_id,
    coalesce(joined.component_id, identifiers.identifier_id) as component_id,
    identifiers.identifier_type,
    identifiers.identifier_value,
    case
        when joined.is_shared_cut then {{ shared_reason('identifiers.identifier_type') }}
        when crowded_visitors.identifier_id is not null then 'shared_device'
        when joined.is_unique_key_cut then 'unique_key'
        else coalesce(joined.rule, 'alone')
    end as joined_by_rule,
    identifiers.identifier_type = 'visitor' and (
        crowded_visitors.identifier_id is not null
        or coalesce(joined.is_shared_cut or joined.is_unique_key_cut, false)
    ) as is_shared_device,
    identifiers.first_seen_at
from identifiers
left join joined on identifiers.identifier_id = joined.identifier_id
left join crowded_visitors on identifiers.identifier_id = crowded_visitors.identifier_id
