{{ config(materialized='incremental', incremental_strategy='touched_edges') }}

with named as (

    select * from {{ ref('int_identifier_sightings_unioned') }}

),

-- Each pair of a record is one edge, the stronger witness on the left; two contacts are a pair
-- where the CRM merged the left one into the right one.
pairs as (

    select
        left_ends.identifier_type as left_type,
        left_ends.identifier_value as left_value,
        right_ends.identifier_type as right_type,
        right_ends.identifier_value as right_value,
        left_ends.source,
        left_ends.record_type as rule,
        left_ends.joined_at
    from named as left_ends
    inner join named as right_ends
        on
            left_ends.record_type = right_ends.record_type
            and left_ends.record_id = right_ends.record_id
            and (
                right_ends.named_as = 'merged_into' and left_ends.named_as = 'contact'
                or {{ identifier_order('left_ends.named_as') }}
                < {{ identifier_order('right_ends.named_as') }}
            )

),

edges as (

    select
        {{ surrogate_key(['left_type', 'left_value', 'right_type', 'right_value', 'rule']) }}
            as edge_id,
        {{ surrogate_key(['left_type', 'left_value']) }} as left_identifier_id,
        {{ surrogate_key(['right_type', 'right_value']) }} as right_identifier_id,
        left_type,
        left_value,
        right_type,
        right_value,
        source,
        rule,
        min(joined_at) as first_seen_at
    from pairs
    group by left_type, left_value, right_type, right_value, source, rule

)

select * from edges
where
    {{ is_touched_identifier('left_identifier_id') }}
    or {{ is_touched_identifier('right_identifier_id') }}
