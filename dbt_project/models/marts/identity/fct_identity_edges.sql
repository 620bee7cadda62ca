{{ config(materialized='incremental', incremental_strategy='touched_edges') }}

with edges as (

    select * from {{ touched_rows('int_identity_edges_guarded', 'int_identifiers_touched') }}

),

-- Identifiers that a guard on people cut, not on counts of identifiers.
cut_identifiers as (

    select *
    from {{ touched_rows('int_identifiers_resolved_to_persons', 'int_identifiers_touched') }}
    where joined_by_rule = 'unique_key' or starts_with(joined_by_rule, 'shared_')

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
    coalesce(edges.cut_reason, right_cuts.joined_by_rule, left_cuts.joined_by_rule) as cut_reason,
    {{ business_date('edges.first_seen_at') }} as first_seen_date,
    edges.first_seen_at
from edges
left join cut_identifiers as right_cuts
    on edges.right_identifier_id = right_cuts.identifier_id
left join cut_identifiers as left_cuts
    on edges.left_identifier_id = left_cuts.identifier_id
