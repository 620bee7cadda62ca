with paths as (

    select * from {{ ref('int_journey_paths_aggregated') }}

),

persons_touched as (

    select * from {{ ref('int_persons_touched') }}

),

maps as (

    select * from {{ ref('int_journey_maps_described') }}

),

touched_paths as (

    select
        paths.aspect,
        paths.map_persona,
        paths.path
    from paths
    inner join persons_touched on paths.person_id = persons_touched.person_id
    group by paths.aspect, paths.map_persona, paths.path

)

select
    {{ surrogate_key(['maps.map_id', 'touched_paths.path']) }} as path_map_id,
    maps.map_id,
    touched_paths.path,
    maps.map_path
from touched_paths
inner join maps on touched_paths.aspect = maps.aspect and touched_paths.map_persona = maps.persona
