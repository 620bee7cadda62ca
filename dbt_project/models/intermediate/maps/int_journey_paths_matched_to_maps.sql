{{ config(schema='touched') }}

with paths as (

    select * from {{ touched_rows('int_journey_paths_aggregated') }}

),

maps as (

    select * from {{ ref('int_journey_maps_described') }}

),

distinct_paths as (

    select
        aspect,
        map_persona,
        path
    from paths
    group by aspect, map_persona, path

)

select
    {{ surrogate_key(['maps.map_id', 'distinct_paths.path']) }} as path_map_id,
    maps.map_id,
    distinct_paths.path,
    maps.map_path
from distinct_paths
inner join maps on distinct_paths.aspect = maps.aspect and distinct_paths.map_persona = maps.persona
