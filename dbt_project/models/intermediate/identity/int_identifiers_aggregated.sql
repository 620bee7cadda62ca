{{ config(materialized='incremental', incremental_strategy='touched_identifiers') }}

with named as (

    select * from {{ ref('int_identifier_sightings_unioned') }}

),

inputs as (

    select * from {{ ref('int_identifier_inputs_fingerprinted') }}

),

invalid_values as (

    select * from {{ ref('identifier_invalid_values') }}

),

-- A person who asked to be erased: every identifier that the CRM holds of them.
all_identifiers as (

    select
        {{ surrogate_key(['identifier_type', 'identifier_value']) }} as identifier_id,
        identifier_type,
        identifier_value,
        bool_or(is_erased) as is_erased,
        min(seen_at) as first_seen_at
    from named
    group by identifier_type, identifier_value

),

identifiers as (

    select * from all_identifiers
    where {{ is_touched_identifier('identifier_id') }}

),

-- E-mail addresses and phone numbers were validated by the loader, before they were hashed.
invalid_identifiers as (

    select
        identifiers.identifier_id,
        min(invalid_values.invalid_rule_id) as invalid_rule_id
    from identifiers
    inner join invalid_values
        on
            identifiers.identifier_type = invalid_values.identifier_type
            and {{ bare_value('identifiers.identifier_value') }} = invalid_values.invalid_value
    group by identifiers.identifier_id
    union all
    select
        identifier_id,
        split_part(identifier_value, ':', 2) as invalid_rule_id
    from identifiers
    where identifier_type in ('email', 'phone') and starts_with(identifier_value, 'invalid:')

)

select
    identifiers.identifier_id,
    identifiers.identifier_type,
    identifiers.identifier_value,
    invalid_identifiers.invalid_rule_id,
    invalid_identifiers.invalid_rule_id is not null as is_invalid,
    identifiers.is_erased,
    inputs.input_fingerprint,
    identifiers.first_seen_at
from identifiers
left join invalid_identifiers on identifiers.identifier_id = invalid_identifiers.identifier_id
left join inputs
    on
        identifiers.identifier_type = inputs.identifier_type
        and identifiers.identifier_value = inputs.identifier_value
