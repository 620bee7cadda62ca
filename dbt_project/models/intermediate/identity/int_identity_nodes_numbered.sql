{{ config(schema='touched') }}

with identifiers as (

    select * from {{ touched_rows('int_identifiers_aggregated', 'int_identifiers_touched') }}

),

edges as (

    select * from {{ touched_rows('int_identity_edges_guarded', 'int_identifiers_touched') }}
    where cut_reason is null

),

joined_identifiers as (

    select left_identifier_id as identifier_id
    from edges
    union
    select right_identifier_id
    from edges

)

-- Older identifiers come first, since the oldest names the person; ties by type, then value.
select
    identifiers.identifier_id,
    row_number() over (
        order by
            identifiers.first_seen_at,
            {{ identifier_order('identifiers.identifier_type') }},
            identifiers.identifier_value
    ) - 1 as node_number
from identifiers
inner join joined_identifiers on identifiers.identifier_id = joined_identifiers.identifier_id
