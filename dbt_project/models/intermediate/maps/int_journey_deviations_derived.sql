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
        map_steps.maximum_days,
        coalesce(map_steps.is_optional, false) as is_optional,
        coalesce(map_steps.is_repeatable, false) as is_repeatable
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

-- Where on each path a step came that may come again.
repeatables as (

    select
        alignments.path_map_id,
        map_steps.step,
        min(alignments.path_step_number) as path_step_number
    from alignments
    inner join path_maps on alignments.path_map_id = path_maps.path_map_id
    inner join map_steps
        on
            path_maps.map_id = map_steps.map_id
            and alignments.map_step_number = map_steps.step_number
    where map_steps.is_repeatable
    group by alignments.path_map_id, map_steps.step

),

mapped as (

    select
        paths.journey_id,
        paths.aspect,
        path_maps.map_id,
        path_maps.path_map_id,
        journeys.person_id,
        journeys.is_open,
        journeys.started_at
    from paths
    inner join maps on paths.aspect = maps.aspect and paths.map_persona = maps.persona
    inner join path_maps on maps.map_id = path_maps.map_id and paths.path = path_maps.path
    inner join journeys on paths.journey_id = journeys.journey_id

),

-- What happened: as the map holds it, in time or too late, once more, or not in the map.
observed as (

    select
        mapped.journey_id,
        mapped.person_id,
        mapped.map_id,
        steps.step,
        alignments.map_step_number,
        steps.step_number as path_step_number,
        case
            when repeatables.path_map_id is not null then 'repeated'
            when alignments.map_step_number is null then 'inserted'
            when
                steps.reached_at
                > mapped.started_at + map_steps.maximum_days * interval '1 day'
                then 'late'
            else 'matched'
        end as deviation
    from steps
    inner join mapped on steps.journey_id = mapped.journey_id and steps.aspect = mapped.aspect
    left join alignments
        on
            mapped.path_map_id = alignments.path_map_id
            and steps.step_number = alignments.path_step_number
    left join map_steps
        on
            mapped.map_id = map_steps.map_id
            and alignments.map_step_number = map_steps.step_number
    left join repeatables
        on
            alignments.map_step_number is null
            and mapped.path_map_id = repeatables.path_map_id
            and steps.step = repeatables.step
            and steps.step_number > repeatables.path_step_number

),

-- What the map expects and did not happen, or not yet.
missing as (

    select
        mapped.journey_id,
        mapped.person_id,
        mapped.map_id,
        map_steps.step,
        map_steps.step_number as map_step_number,
        null::integer as path_step_number,
        case when mapped.is_open then 'pending' else 'skipped' end as deviation
    from mapped
    inner join map_steps on mapped.map_id = map_steps.map_id
    left join alignments
        on
            mapped.path_map_id = alignments.path_map_id
            and map_steps.step_number = alignments.map_step_number
    where alignments.map_step_number is null and not map_steps.is_optional

),

unioned as (

    select * from observed
    union all
    select * from missing

)

select * from unioned
