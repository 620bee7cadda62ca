{{ config(
    materialized='incremental',
    incremental_strategy='touched_identifiers',
    unique_key='merged_person_id'
) }}

with nodes as (

    select * from {{ ref('int_identity_nodes_numbered') }}

),

components as (

    select * from {{ ref('int_identity_components') }}

),

numbered_edges as (

    select * from {{ ref('int_identity_edges_numbered') }}

),

edges as (

    select * from {{ touched_rows('int_identity_edges_guarded', 'int_identifiers_touched') }}

)

select
    nodes.identifier_id as merged_person_id,
    into_nodes.identifier_id as into_person_id,
    person_nodes.identifier_id as person_id,
    edges.edge_id,
    edges.source,
    edges.rule,
    {{ business_date('edges.first_seen_at') }} as merged_date,
    edges.first_seen_at as merged_at
from components
inner join nodes on components.node_number = nodes.node_number
inner join nodes as into_nodes on components.merged_into_node = into_nodes.node_number
inner join nodes as person_nodes on components.person_node = person_nodes.node_number
inner join numbered_edges on components.merged_by_edge_number = numbered_edges.edge_number
inner join edges on numbered_edges.edge_id = edges.edge_id
