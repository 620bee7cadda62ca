with identifiers as (

    select * from {{ ref('int_identifiers_unioned') }}

),

components as (

    select * from {{ ref('int_identity_components') }}

),

guarded_edges as (

    select * from {{ ref('int_identity_edges_guarded') }}

),

shared_visitors as (

    select distinct right_identifier_id as identifier_id  -- one row per visitor, not per edge
    from guarded_edges
    where cut_reason = 'shared_device'

),

-- The rule that first joined the identifier to anything; its own sighting when nothing did.
edge_ends as (

    select
        left_identifier_id as identifier_id,
        rule,
        first_seen_at,
        edge_id
    from guarded_edges
    where cut_reason is null
    union all
    select
        right_identifier_id,
        rule,
        first_seen_at,
        edge_id
    from guarded_edges
    where cut_reason is null

),

first_edges as (

    select
        identifier_id,
        rule
    from edge_ends
    qualify row_number() over (
        partition by identifier_id order by first_seen_at, edge_id
    ) = 1

),

ranked as (

    select
        identifiers.*,
        components.component_number,
        components.is_unique_key_cut,
        -- Older identifiers name the person; ties by type, then value.
        first_value(identifiers.identifier_id) over (
            partition by components.component_number
            order by
                identifiers.first_seen_at,
                case identifiers.identifier_type
                    when 'contact' then 1
                    when 'user' then 2
                    when 'email' then 3
                    when 'phone' then 4
                    else 5
                end,
                identifiers.identifier_value
            rows between unbounded preceding and unbounded following
        ) as person_id
    from identifiers
    inner join components on identifiers.identifier_id = components.identifier_id
    where not identifiers.is_invalid and not identifiers.is_erased

)

select
    ranked.identifier_id,
    ranked.person_id,
    ranked.identifier_type,
    ranked.identifier_value,
    case
        when shared_visitors.identifier_id is not null then 'shared_device'
        when ranked.is_unique_key_cut then 'unique_key'
        else coalesce(first_edges.rule, 'alone')
    end as joined_by_rule,
    shared_visitors.identifier_id is not null or ranked.is_unique_key_cut as is_shared_device,
    ranked.first_seen_at
from ranked
left join shared_visitors on ranked.identifier_id = shared_visitors.identifier_id
left join first_edges on ranked.identifier_id = first_edges.identifier_id
