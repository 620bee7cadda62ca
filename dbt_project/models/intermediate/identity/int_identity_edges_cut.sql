with guarded_edges as (

    select * from {{ ref('int_identity_edges_guarded') }}

),

components as (

    select * from {{ ref('int_identity_components') }}

)

select
    guarded_edges.edge_id,
    guarded_edges.left_identifier_id,
    guarded_edges.right_identifier_id,
    guarded_edges.source,
    guarded_edges.rule,
    coalesce(guarded_edges.cut_reason, 'unique_key') as cut_reason,
    guarded_edges.first_seen_at
from guarded_edges
inner join components on guarded_edges.right_identifier_id = components.identifier_id
where
    guarded_edges.cut_reason is not null
    or (components.is_unique_key_cut and guarded_edges.right_type = 'visitor')
