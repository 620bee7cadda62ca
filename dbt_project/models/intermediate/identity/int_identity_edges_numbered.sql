{{ config(schema='touched') }}

with edges as (

    select * from {{ touched_rows('int_identity_edges_guarded', 'int_identifiers_touched') }}
    where cut_reason is null

),

nodes as (

    select * from {{ ref('int_identity_nodes_numbered') }}

)

-- In the order of pairs: the right end of an edge is the weaker witness.
select
    edges.edge_id,
    row_number() over (order by edges.first_seen_at, edges.edge_id) as edge_number,
    left_nodes.node_number as left_node,
    right_nodes.node_number as right_node,
    {{ identifier_order('edges.left_type') }} - 1 as left_kind,
    {{ identifier_order('edges.right_type') }} - 1 as right_kind
from edges
inner join nodes as left_nodes on edges.left_identifier_id = left_nodes.identifier_id
inner join nodes as right_nodes on edges.right_identifier_id = right_nodes.identifier_id
