{{ config(materialized='incremental', incremental_strategy='touched_edges') }}

with edges as (

    select * from {{ touched_rows('int_identity_edges_derived', 'int_identifiers_touched') }}

),

all_edges as (

    select * from {{ ref('int_identity_edges_derived') }}

),

bad_identifiers as (

    select * from {{ ref('int_identifiers_aggregated') }}
    where is_invalid or is_erased

),

contacts as (

    select * from {{ ref('stg_crm__contacts') }}
    where is_known

),

-- Who gave no consent to analytics (docs/privacy.md) is not joined to what visitors do.
unconsenting as (

    select
        'contact' as identifier_type,
        contact_id as identifier_value
    from contacts
    where not may_be_tracked
    union
    select
        'user',
        user_id
    from contacts
    where not may_be_tracked
    union
    select
        'email',
        email_hash
    from contacts
    where not may_be_tracked

),

limits as (

    select * from {{ ref('identity_limits') }}
    where owner_type != 'person'

),

-- Edges of the identifiers in question, seen from both ends; values that are nobody's do not count.
owners as (

    select
        all_edges.left_identifier_id as identifier_id,
        all_edges.left_type as identifier_type,
        all_edges.right_type as owner_type,
        all_edges.right_identifier_id as owner_id
    from all_edges
    where
        all_edges.left_identifier_id in (select edges.left_identifier_id from edges)
        and all_edges.right_identifier_id not in (
            select bad_identifiers.identifier_id from bad_identifiers
        )
    union all
    select
        all_edges.right_identifier_id,
        all_edges.right_type,
        all_edges.left_type,
        all_edges.left_identifier_id
    from all_edges
    where
        all_edges.right_identifier_id in (select edges.right_identifier_id from edges)
        and all_edges.left_identifier_id not in (
            select bad_identifiers.identifier_id from bad_identifiers
        )

),

-- Identifiers that a crowd shares, however few of it the graph would join.
crowds as (

    select
        owners.identifier_id,
        owners.identifier_type,
        owners.owner_type
    from owners
    inner join limits
        on
            owners.identifier_type = limits.identifier_type
            and owners.owner_type = limits.owner_type
    group by owners.identifier_id, owners.identifier_type, owners.owner_type
    having count(distinct owners.owner_id) > max(limits.maximum_count)

),

-- A device or number of a crowd joins nobody at all, nor does what many logins, addresses or
-- numbers share. Of a crowd of devices or of contacts (guests have one per order), only those edges
-- are cut.
crowded_places as (

    select distinct identifier_id
    from crowds
    where identifier_type in ('phone', 'visitor') or owner_type in ('user', 'email', 'phone')

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
        when left_ends.is_erased or right_ends.is_erased then 'erased'
        when left_ends.is_invalid or right_ends.is_invalid then 'invalid_value'
        when edges.right_type = 'visitor' and unconsenting.identifier_value is not null
            then 'no_consent'
        when right_places.identifier_id is not null or right_crowds.identifier_id is not null
            then {{ shared_reason('edges.right_type') }}
        when left_places.identifier_id is not null or left_crowds.identifier_id is not null
            then {{ shared_reason('edges.left_type') }}
    end as cut_reason,
    edges.first_seen_at
from edges
left join bad_identifiers as left_ends
    on edges.left_identifier_id = left_ends.identifier_id
left join bad_identifiers as right_ends
    on edges.right_identifier_id = right_ends.identifier_id
left join crowds as left_crowds
    on
        edges.left_identifier_id = left_crowds.identifier_id
        and edges.right_type = left_crowds.owner_type
left join crowds as right_crowds
    on
        edges.right_identifier_id = right_crowds.identifier_id
        and edges.left_type = right_crowds.owner_type
left join crowded_places as left_places
    on edges.left_identifier_id = left_places.identifier_id
left join crowded_places as right_places
    on edges.right_identifier_id = right_places.identifier_id
left join unconsenting
    on
        edges.left_type = unconsenting.identifier_type
        and edges.left_value = unconsenting.identifier_value
