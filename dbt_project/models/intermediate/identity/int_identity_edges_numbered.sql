{{ config(schema='touched') }}

with edges as (

    select * from {{ touched_rows('int_identity_edges_guarded', 'int_identifiers_touched') }}
    where cut_reason is null

),

nodes as (

    select * from {{ ref('int_identity_nodes_numbered') }}

),

-- In the order of pairs: the right end of an edge is the weaker witness.
kinds as (

    select numbered.*
    from (
        values ('contact', 0), ('user', 1), ('email', 2), ('phone', 3), ('visitor', 4)
    ) as numbered (identifier_type, kind)

)

select
    edges.edge_id,
    row_number() over (order by edges.first_seen_at, edges.edge_id) as edge_number,
    left_nodes.node_number as left_node,
    right_nodes.node_number as right_node,
    left_kinds.kind as left_kind,
    right_kinds.kind as right_kind
from edges
inner join nodes as left_nodes on edges.left_identifier_id = left_nodes.identifier_id
inner join nodes as right_nodes on edges.right_identifier_id = right_nodes.identifier_id
inner join kinds as left_kinds on edges.left_type = left_kinds.identifier_type
inner join kinds as right_kinds on edges.right_type = right_kinds.identifier_type
