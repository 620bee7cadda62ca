{{ config(materialized='incremental', incremental_strategy='touched_edges') }}

with logins as (

    select * from {{ ref('int_web_logins_aggregated') }}
    where
        {{ may_be_touched_identifier('visitor_id') }}
        or {{ may_be_touched_identifier('user_id') }}
        or {{ may_be_touched_identifier('email_hash') }}

),

contacts as (

    select * from {{ ref('stg_crm__contacts') }}
    where is_known

),

tickets as (

    select * from {{ ref('stg_crm__tickets') }}
    where is_known

),

invitations as (

    select * from {{ ref('stg_survey__invitations') }}
    where is_known

),

answers as (

    select * from {{ ref('stg_survey__answers') }}
    where is_known

),

-- One row per raw row and identifier that it carries; the rule names the kind of raw row.
rows_unioned as (

    select
        'web' as source,
        'web_event' as rule,
        visitor_id,
        user_id,
        null as contact_id,
        email_hash,
        null as phone_hash,
        first_seen_at as seen_at
    from logins
    union all
    select
        'crm',
        'crm_contact',
        visitor_id,
        user_id,
        contact_id,
        email_hash,
        phone_hash,
        created_at
    from contacts
    union all
    select
        'crm',
        'crm_ticket',
        null,
        null,
        contact_id,
        email_hash,
        null,
        opened_at
    from tickets
    union all
    select
        'survey',
        'survey_invitation',
        null,
        null,
        contact_id,
        email_hash,
        null,
        sent_at
    from invitations
    union all
    select
        'survey',
        'survey_answer',
        visitor_id,
        null,
        contact_id,
        email_hash,
        null,
        responded_at
    from answers

),

-- Pairs in the order contact, user, email, phone, visitor: each pair of a row is one edge. Two
-- contacts are a pair where the CRM merged one into the other.
pairs as (

    select
        source,
        rule,
        seen_at,
        'contact' as left_type,
        contact_id as left_value,
        'user' as right_type,
        user_id as right_value
    from rows_unioned
    union all
    select
        source,
        rule,
        seen_at,
        'contact',
        contact_id,
        'email',
        email_hash
    from rows_unioned
    union all
    select
        source,
        rule,
        seen_at,
        'contact',
        contact_id,
        'phone',
        phone_hash
    from rows_unioned
    union all
    select
        source,
        rule,
        seen_at,
        'contact',
        contact_id,
        'visitor',
        visitor_id
    from rows_unioned
    union all
    select
        source,
        rule,
        seen_at,
        'user',
        user_id,
        'email',
        email_hash
    from rows_unioned
    union all
    select
        source,
        rule,
        seen_at,
        'user',
        user_id,
        'phone',
        phone_hash
    from rows_unioned
    union all
    select
        source,
        rule,
        seen_at,
        'user',
        user_id,
        'visitor',
        visitor_id
    from rows_unioned
    union all
    select
        source,
        rule,
        seen_at,
        'email',
        email_hash,
        'phone',
        phone_hash
    from rows_unioned
    union all
    select
        source,
        rule,
        seen_at,
        'email',
        email_hash,
        'visitor',
        visitor_id
    from rows_unioned
    union all
    select
        source,
        rule,
        seen_at,
        'phone',
        phone_hash,
        'visitor',
        visitor_id
    from rows_unioned
    union all
    select
        'crm',
        'crm_contact_merge',
        coalesce(updated_at, created_at),
        'contact',
        contact_id,
        'contact',
        merged_into_contact_id
    from contacts
    where contact_id != merged_into_contact_id

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
        min(seen_at) as first_seen_at
    from pairs
    where left_value is not null and right_value is not null
    group by left_type, left_value, right_type, right_value, source, rule

)

select * from edges
where
    {{ is_touched_identifier('left_identifier_id') }}
    or {{ is_touched_identifier('right_identifier_id') }}
