with touched_identifiers as (

    select * from {{ ref('int_identifiers_touched') }}

),

identifiers as (

    select *
    from {{ touched_rows('int_identifiers_resolved_to_persons', 'int_identifiers_touched') }}

),

held_identifiers as (

    select *
    from {{ last_build('marts', 'dim_person_identifiers', {
        'identifier_id': 'varchar', 'person_id': 'varchar'
    }) }} as held

),

held_journeys as (

    select *
    from {{ last_build('marts', 'fct_journeys', {
        'person_id': 'varchar', 'ended_at': 'timestamp'
    }) }} as held

),

last_builds as (

    select * from {{ ref('stg_ops__builds') }}

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

-- Whom the touched identifiers name now, and whom they named.
select person_id from identifiers
union
select held_identifiers.person_id
from held_identifiers
inner join touched_identifiers
    on
        held_identifiers.identifier_id = touched_identifiers.identifier_id
        and {{ join_filter_hint('touched_identifiers.identifier_id') }}
union
select person_id from lapsed
union
select '(nobody)' as person_id
