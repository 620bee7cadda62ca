{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with identifiers as (

    select * from {{ touched_rows('dim_person_identifiers') }}

),

persons as (

    select person_id
    from identifiers
    group by person_id

),

contacts as (

    select * from {{ ref('stg_crm__contacts') }}
    where is_known and not is_erased

),

sessions as (

    select * from {{ touched_rows('fct_sessions') }}
    where person_id is not null

),

priorities as (

    select * from {{ ref('attribute_priorities') }}

),

person_contacts as (

    select
        contacts.*,
        identifiers.person_id
    from contacts
    inner join identifiers
        on
            identifiers.identifier_type = 'contact'
            and contacts.contact_id = identifiers.identifier_value

),

candidates as (

    select
        person_id,
        'crm_contact' as source_name,
        contact_id as source_key,
        created_at as told_at,
        persona,
        country_code,
        account_id,
        loyalty_tier
    from person_contacts
    union all
    select
        person_id,
        'web_session',
        min(session_id),
        min(started_at),
        null,
        country_code,
        null,
        null
    from sessions
    where country_code is not null
    group by person_id, country_code

),

-- The source of the least priority that tells the attribute; of one source the earliest row.
golden as (

    select
        candidates.person_id,
        arg_min(
            candidates.persona,
            (priorities.priority, candidates.told_at, candidates.source_key)
        ) filter (where priorities.attribute = 'persona') as persona,
        arg_min(
            candidates.country_code,
            (priorities.priority, candidates.told_at, candidates.source_key)
        ) filter (where priorities.attribute = 'country_code') as country_code,
        arg_min(
            candidates.account_id,
            (priorities.priority, candidates.told_at, candidates.source_key)
        ) filter (where priorities.attribute = 'account_id') as account_id,
        arg_min(
            candidates.loyalty_tier,
            (priorities.priority, candidates.told_at, candidates.source_key)
        ) filter (where priorities.attribute = 'loyalty_tier') as loyalty_tier
    from candidates
    inner join priorities on candidates.source_name = priorities.source_name
    group by candidates.person_id

),

consents as (

    select
        person_id,
        count(*) as contact_count,
        bool_or(marketing_consent_at is not null) as has_marketing_consent,
        bool_or(has_analytics_consent) as has_analytics_consent,
        min(member_since_at) as member_since_at
    from person_contacts
    group by person_id

)

select
    persons.person_id,
    golden.persona,
    golden.country_code,
    golden.account_id,
    golden.loyalty_tier,
    coalesce(consents.contact_count, 0) as contact_count,
    coalesce(consents.has_marketing_consent, false) as has_marketing_consent,
    coalesce(consents.has_analytics_consent, false) as has_analytics_consent,
    consents.member_since_at
from persons
left join golden on persons.person_id = golden.person_id
left join consents on persons.person_id = consents.person_id
