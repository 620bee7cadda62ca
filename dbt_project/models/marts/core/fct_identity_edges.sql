with edges as (

    select * from {{ ref('int_identity_edges_guarded') }}

),

identifiers as (

    select * from {{ ref('int_identifiers_unioned') }}

),

resolved as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}

)

select
    edges.edge_id,
    edges.left_identifier_id,
    edges.right_identifier_id,
    left_ends.identifier_type as left_type,
    left_ends.identifier_value as left_value,
    right_ends.identifier_type as right_type,
    right_ends.identifier_value as right_value,
    edges.source,
    edges.rule,
    case
        when edges.cut_reason is not null then edges.cut_reason
        when edges.right_type = 'visitor' and resolved.joined_by_rule = 'unique_key'
            then 'unique_key'
    end as cut_reason,
    edges.first_seen_at
from edges
inner join identifiers as left_ends on edges.left_identifier_id = left_ends.identifier_id
inner join identifiers as right_ends on edges.right_identifier_id = right_ends.identifier_id
left join resolved on edges.right_identifier_id = resolved.identifier_id
