{{ config(schema='touched') }}

-- Placeholders are kept, so that what they cut can be listed; bots are left out.
with visitors as (

    select
        'web_session' as record_type,
        visitor_id as record_id,
        visitor_id,
        min(started_at) as seen_at
    from {{ ref('int_sessions_aggregated') }}
    where
        coalesce(exclusion_reason, 'invalid_visitor') = 'invalid_visitor'
        and {{ may_be_touched_identifier('visitor_id') }}
    group by visitor_id

),

logins as (

    select
        'web_event' as record_type,
        login_id as record_id,
        visitor_id,
        user_id,
        email_hash,
        first_seen_at as seen_at
    from {{ ref('int_web_logins_aggregated') }}
    where
        {{ may_be_touched_identifier('visitor_id') }}
        or {{ may_be_touched_identifier('user_id') }}
        or {{ may_be_touched_identifier('email_hash') }}

),

records as (

    select * from {{ ref('int_identifier_records_unioned') }}
    where
        seen_at is not null
        and (
            {{ may_be_touched_identifier('contact_id') }}
            or {{ may_be_touched_identifier('merged_into_contact_id') }}
            or {{ may_be_touched_identifier('user_id') }}
            or {{ may_be_touched_identifier('email_hash') }}
            or {{ may_be_touched_identifier('phone_hash') }}
            or {{ may_be_touched_identifier('visitor_id') }}
        )

),

unioned as (

    select * from records
    union all by name
    select * from visitors
    union all by name
    select * from logins

),

named as (

    {{ identifiers_named_in('unioned') }}

)

select
    split_part(record_type, '_', 1) as source,
    record_type,
    record_id,
    named_as,
    identifier_type,
    identifier_value,
    coalesce(is_erased, false) as is_erased,
    seen_at,
    coalesce(joined_at, seen_at) as joined_at
from named
