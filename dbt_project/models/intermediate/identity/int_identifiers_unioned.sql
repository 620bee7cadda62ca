{{ config(materialized='incremental', incremental_strategy='touched_identifiers') }}

with sessions as (

    select * from {{ ref('int_sessions_aggregated') }}
    where
        coalesce(exclusion_reason, 'invalid_visitor') = 'invalid_visitor'
        and {{ may_be_touched_identifier('visitor_id') }}

),

logins as (

    select * from {{ ref('int_web_logins_aggregated') }}
    where
        {{ may_be_touched_identifier('user_id') }} or {{ may_be_touched_identifier('email_hash') }}

),

contacts as (

    select * from {{ ref('stg_crm__contacts') }}
    where is_known

),

activities as (

    select * from {{ ref('stg_crm__activities') }}
    where is_known

),

deals as (

    select * from {{ ref('stg_crm__deals') }}
    where is_known

),

orders as (

    select * from {{ ref('stg_crm__orders') }}
    where is_known

),

subscriptions as (

    select * from {{ ref('stg_crm__subscriptions') }}
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

told as (

    select * from {{ ref('int_identifier_inputs_fingerprinted') }}

),

invalid_values as (

    select * from {{ ref('identifier_invalid_values') }}

),

-- Identifiers of bots are nobody's; placeholders are kept, so that what they cut can be listed.
sightings as (

    select
        'visitor' as identifier_type,
        visitor_id as identifier_value,
        started_at as seen_at
    from sessions
    union all
    select
        'user',
        user_id,
        first_seen_at
    from logins
    union all
    select
        'email',
        email_hash,
        first_seen_at
    from logins
    union all
    select
        'contact',
        contact_id,
        created_at
    from contacts
    union all
    select
        'user',
        user_id,
        created_at
    from contacts
    union all
    select
        'email',
        email_hash,
        created_at
    from contacts
    union all
    select
        'phone',
        phone_hash,
        created_at
    from contacts
    union all
    select
        'visitor',
        visitor_id,
        created_at
    from contacts
    union all
    select
        'contact',
        referred_by_contact_id,
        created_at
    from contacts
    union all
    select
        'contact',
        merged_into_contact_id,
        created_at
    from contacts
    union all
    select
        'contact',
        contact_id,
        occurred_at
    from activities
    union all
    select
        'contact',
        contact_id,
        created_at
    from deals
    union all
    select
        'contact',
        contact_id,
        ordered_at
    from orders
    union all
    select
        'contact',
        contact_id,
        started_at
    from subscriptions
    union all
    select
        'contact',
        contact_id,
        opened_at
    from tickets
    union all
    select
        'email',
        email_hash,
        opened_at
    from tickets
    union all
    select
        'contact',
        contact_id,
        sent_at
    from invitations
    union all
    select
        'email',
        email_hash,
        sent_at
    from invitations
    union all
    select
        'contact',
        contact_id,
        responded_at
    from answers
    union all
    select
        'email',
        email_hash,
        responded_at
    from answers
    union all
    select
        'visitor',
        visitor_id,
        responded_at
    from answers

),

all_identifiers as (

    select
        {{ surrogate_key(['identifier_type', 'identifier_value']) }} as identifier_id,
        identifier_type,
        identifier_value,
        min(seen_at) as first_seen_at
    from sightings
    where identifier_value is not null
    group by identifier_type, identifier_value

),

identifiers as (

    select * from all_identifiers
    where {{ is_touched_identifier('identifier_id') }}

),

-- E-mail addresses and phone numbers were judged by the loader, before they were hashed.
invalid_identifiers as (

    select
        identifiers.identifier_type,
        identifiers.identifier_value,
        min(invalid_values.invalid_rule_id) as invalid_rule_id
    from identifiers
    inner join invalid_values
        on
            identifiers.identifier_type = invalid_values.identifier_type
            and {{ bare_value('identifiers.identifier_value') }} = invalid_values.invalid_value
    group by identifiers.identifier_type, identifiers.identifier_value
    union all
    select
        identifier_type,
        identifier_value,
        split_part(identifier_value, ':', 2) as invalid_rule_id
    from identifiers
    where identifier_type in ('email', 'phone') and starts_with(identifier_value, 'invalid:')

),

-- A person who asked to be erased: every identifier that the CRM holds of them.
erased_identifiers as (

    select
        'contact' as identifier_type,
        contact_id as identifier_value
    from contacts
    where is_erased
    union
    select
        'user',
        user_id
    from contacts
    where is_erased
    union
    select
        'email',
        email_hash
    from contacts
    where is_erased
    union
    select
        'phone',
        phone_hash
    from contacts
    where is_erased
    union
    select
        'visitor',
        visitor_id
    from contacts
    where is_erased

)

select
    identifiers.identifier_id,
    identifiers.identifier_type,
    identifiers.identifier_value,
    invalid_identifiers.invalid_rule_id,
    invalid_identifiers.invalid_rule_id is not null as is_invalid,
    erased_identifiers.identifier_value is not null as is_erased,
    told.input_fingerprint,
    identifiers.first_seen_at
from identifiers
left join invalid_identifiers
    on
        identifiers.identifier_type = invalid_identifiers.identifier_type
        and identifiers.identifier_value = invalid_identifiers.identifier_value
left join erased_identifiers
    on
        identifiers.identifier_type = erased_identifiers.identifier_type
        and identifiers.identifier_value = erased_identifiers.identifier_value
left join told
    on
        identifiers.identifier_type = told.identifier_type
        and identifiers.identifier_value = told.identifier_value
