{{ config(schema='touched') }}

with steps as (

    select * from {{ touched_rows('int_journey_steps_derived') }}

),

journeys as (

    select * from {{ touched_rows('int_touchpoints_assigned_to_journeys') }}
    where journey_touchpoint_number = 1

),

personas as (

    select
        person_id,
        persona
    from {{ touched_rows('int_persons_described') }}

),

mapped_personas as (

    select persona
    from {{ ref('journey_maps') }}
    group by persona

),

aspects as (

    select unnest(['stage', 'touchpoint_type']) as aspect

),

-- Steps carry their number, so that the list can be sorted afterwards.
paths as (

    select
        journey_id,
        aspect,
        list_sort(list(lpad(step_number::varchar, 4, '0') || step)) as numbered_steps,
        count(*) as observed_count
    from steps
    group by journey_id, aspect

)

-- A journey that signals no stage has an empty path of stages.
select
    journeys.journey_id,
    journeys.person_id,
    aspects.aspect,
    coalesce(mapped_personas.persona, '(any)') as map_persona,
    coalesce(
        regexp_replace(
            array_to_string(paths.numbered_steps, ' > '), '(^| > )[0-9]{4}', '\1', 'g'
        ), ''
    ) as path,
    coalesce(paths.observed_count, 0)::integer as observed_count,
    journeys.occurred_at as started_at
from journeys
cross join aspects
left join personas on journeys.person_id = personas.person_id
left join mapped_personas on personas.persona = mapped_personas.persona
left join paths on journeys.journey_id = paths.journey_id and aspects.aspect = paths.aspect
