{{ config(schema='touched') }}

with paths as (

    select * from {{ touched_rows('int_journey_paths_aggregated') }}

),

steps as (

    select * from {{ touched_rows('int_journey_steps_derived') }}

),

journeys as (

    select * from {{ touched_rows('fct_journeys') }}

),

maps as (

    select * from {{ ref('int_journey_maps_described') }}

),

map_steps as (

    select
        maps.map_id,
        map_steps.step_number,
        map_steps.step,
        map_steps.maximum_days
    from {{ ref('journey_map_steps') }} as map_steps
    inner join maps
        on
            map_steps.persona = maps.persona
            and map_steps.map_version = maps.map_version
            and map_steps.aspect = maps.aspect

),

path_maps as (

    select * from {{ ref('int_journey_paths_matched_to_maps') }}

),

alignments as (

    select * from {{ ref('int_journey_paths_aligned') }}

),

mapped as (

    select
        paths.journey_id,
        paths.person_id,
        paths.aspect,
        paths.started_at,
        path_maps.map_id,
        path_maps.path_map_id,
        journeys.is_open
    from paths
    inner join maps on paths.aspect = maps.aspect and paths.map_persona = maps.persona
    inner join path_maps on maps.map_id = path_maps.map_id and paths.path = path_maps.path
    inner join journeys on paths.journey_id = journeys.journey_id

),

-- What the map expects: there in time, there too late, not there, or not there yet.
expected as (

    select
        mapped.journey_id,
        mapped.person_id,
        mapped.map_id,
        map_steps.step,
        map_steps.step_number as map_step_number,
        alignments.path_step_number,
        case
            when alignments.path_step_number is null and mapped.is_open then 'pending'
            when alignments.path_step_number is null then 'skipped'
            when
                steps.reached_at
                > mapped.started_at + map_steps.maximum_days * interval '1 day'
                then 'late'
            else 'matched'
        end as deviation
    from mapped
    inner join map_steps on mapped.map_id = map_steps.map_id
    left join alignments
        on
            mapped.path_map_id = alignments.path_map_id
            and map_steps.step_number = alignments.map_step_number
    left join steps
        on
            mapped.journey_id = steps.journey_id
            and mapped.aspect = steps.aspect
            and alignments.path_step_number = steps.step_number

),

-- What happened and the map does not hold.
inserted as (

    select
        mapped.journey_id,
        mapped.person_id,
        mapped.map_id,
        steps.step,
        null::integer as map_step_number,
        steps.step_number as path_step_number,
        'inserted' as deviation
    from mapped
    inner join steps on mapped.journey_id = steps.journey_id and mapped.aspect = steps.aspect
    left join alignments
        on
            mapped.path_map_id = alignments.path_map_id
            and steps.step_number = alignments.path_step_number
    where alignments.path_step_number is null

),

unioned as (

    select * from expected
    union all
    select * from inserted

)

select * from unioned
