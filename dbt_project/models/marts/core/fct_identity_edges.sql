{{ config(materialized='incremental', incremental_strategy='touched_edges') }}

with edges as (

    select * from {{ touched_rows('int_identity_edges_guarded', 'int_identifiers_touched') }}

),

unique_key_cuts as (

    select *
    from {{ touched_rows('int_identifiers_resolved_to_persons', 'int_identifiers_touched') }}
    where identifier_type = 'visitor' and joined_by_rule = 'unique_key'

)

select
    edges.edge_id,
    edges.left_identifier_id,
    edges.right_identifier_id,
    edges.left_type,
    edges.left_value,
    edges.right_type,
    edges.right_value,
    edges.source,
    edges.rule,
    case
        when edges.cut_reason is not null then edges.cut_reason
        when unique_key_cuts.identifier_id is not null then 'unique_key'
    end as cut_reason,
    edges.first_seen_at
from edges
left join unique_key_cuts on edges.right_identifier_id = unique_key_cuts.identifier_id
