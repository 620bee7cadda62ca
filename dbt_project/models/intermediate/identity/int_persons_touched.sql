with inputs as (

    select * from {{ ref('int_person_inputs_fingerprinted') }}

),

held_inputs as (

    select *
    from {{ last_build('intermediate', 'int_persons_described', {
        'person_id': 'varchar', 'input_fingerprint': 'hugeint'
    }) }} as held

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}

),

held_identifiers as (

    select *
    from {{ last_build('marts', 'dim_person_identifiers', {
        'person_id': 'varchar', 'identifier_type': 'varchar', 'identifier_value': 'varchar'
    }) }} as held

),

held_journeys as (

    select *
    from {{ last_build('marts', 'fct_journeys', {
        'person_id': 'varchar', 'ended_at': 'timestamp'
    }) }} as held

),

visitors as (

    select distinct visitor_id from {{ ref('int_visitors_touched') }}

),

logins as (

    select * from {{ ref('int_web_logins_aggregated') }}

),

last_builds as (

    select * from {{ ref('stg_ops__builds') }}

),

-- Who was or may be on a device with new, late or removed events.
touched_identifiers as (

    select
        'visitor' as identifier_type,
        visitor_id as identifier_value
    from visitors
    union
    select
        'user',
        logins.user_id
    from logins
    inner join visitors on logins.visitor_id = visitors.visitor_id
    union
    select
        'email',
        logins.email_hash
    from logins
    inner join visitors on logins.visitor_id = visitors.visitor_id

),

-- Whose identifiers, or what the CRM and surveys say of them, are not what they were.
changed as (

    select coalesce(inputs.person_id, held_inputs.person_id) as person_id
    from inputs
    full outer join held_inputs on inputs.person_id = held_inputs.person_id
    where inputs.input_fingerprint is distinct from held_inputs.input_fingerprint

),

-- Whose journey's time ran out since.
lapsed as (

    select held_journeys.person_id
    from held_journeys
    inner join last_builds
        on
            held_journeys.ended_at + interval '{{ var("journey_gap_days") }} days'
            >= last_builds.as_of_at
    where {{ is_known("held_journeys.ended_at + interval '" ~ var("journey_gap_days") ~ " days'") }}

)

select identifiers.person_id
from identifiers
inner join touched_identifiers
    on
        identifiers.identifier_type = touched_identifiers.identifier_type
        and identifiers.identifier_value = touched_identifiers.identifier_value
union
select held_identifiers.person_id
from held_identifiers
inner join touched_identifiers
    on
        held_identifiers.identifier_type = touched_identifiers.identifier_type
        and held_identifiers.identifier_value = touched_identifiers.identifier_value
union
select person_id from changed
union
select person_id from lapsed
union
select '(nobody)' as person_id
