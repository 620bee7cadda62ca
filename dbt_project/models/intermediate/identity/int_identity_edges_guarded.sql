{{ config(materialized='incremental', incremental_strategy='touched_edges') }}

with edges as (

    select * from {{ touched_rows('int_identity_edges_unioned', 'int_identifiers_touched') }}

),

all_edges as (

    select * from {{ ref('int_identity_edges_unioned') }}

),

bad_identifiers as (

    select * from {{ ref('int_identifiers_unioned') }}
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

-- A visitor seen with more logins than the limit is a shared device.
users_per_visitor as (

    select
        all_edges.right_identifier_id as identifier_id,
        count(distinct all_edges.left_identifier_id) as user_count
    from all_edges
    left join bad_identifiers on all_edges.left_identifier_id = bad_identifiers.identifier_id
    where
        all_edges.left_type = 'user'
        and all_edges.right_type = 'visitor'
        and all_edges.right_identifier_id in (select edges.right_identifier_id from edges)
        and bad_identifiers.identifier_id is null
    group by all_edges.right_identifier_id

),

shared_visitors as (

    select identifier_id
    from users_per_visitor
    where user_count > {{ var('maximum_users_per_visitor') }}

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
        when shared_visitors.identifier_id is not null then 'shared_device'
    end as cut_reason,
    edges.first_seen_at
from edges
left join bad_identifiers as left_ends
    on edges.left_identifier_id = left_ends.identifier_id
left join bad_identifiers as right_ends
    on edges.right_identifier_id = right_ends.identifier_id
left join shared_visitors on edges.right_identifier_id = shared_visitors.identifier_id
left join unconsenting
    on
        edges.left_type = unconsenting.identifier_type
        and edges.left_value = unconsenting.identifier_value
