{{ config(schema='touched') }}

with steps as (

    select * from {{ touched_rows('int_journey_steps_derived') }}

),

journeys as (

    select * from {{ touched_rows('fct_journeys') }}

),

mapped_personas as (

    select persona
    from {{ ref('journey_maps') }}
    group by persona

),

aspects as (

    select unnest(['stage', 'touchpoint_type']) as aspect

),

-- A path is known by a sum of hashes: counters of fixed size spill to disk, growing texts do not.
journey_paths as (

    select
        journey_id,
        aspect,
        sum(hash(step_number, step)) as path_key,
        count(*) as observed_count
    from steps
    group by journey_id, aspect

),

-- One journey of each path is enough to write the path down.
examples as (

    select
        aspect,
        path_key,
        min(journey_id) as journey_id
    from journey_paths
    group by aspect, path_key

),

paths as (

    select
        examples.aspect,
        examples.path_key,
        string_agg(steps.step, ' > ' order by steps.step_number) as path
    from examples
    inner join steps on examples.journey_id = steps.journey_id and examples.aspect = steps.aspect
    group by examples.aspect, examples.path_key

)

-- A journey that signals no stage has an empty path of stages.
select
    journeys.journey_id,
    aspects.aspect,
    coalesce(mapped_personas.persona, '(any)') as map_persona,
    coalesce(paths.path, '') as path,
    coalesce(journey_paths.observed_count, 0)::integer as observed_count
from journeys
cross join aspects
left join mapped_personas on journeys.persona = mapped_personas.persona
left join journey_paths
    on journeys.journey_id = journey_paths.journey_id and aspects.aspect = journey_paths.aspect
left join paths
    on journey_paths.aspect = paths.aspect and journey_paths.path_key = paths.path_key
