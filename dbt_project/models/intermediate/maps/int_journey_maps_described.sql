with maps as (

    select * from {{ versions('journey_maps', ['persona']) }}
    where valid_from <= {{ last_business_date() }}

),

steps as (

    select * from {{ ref('journey_map_steps') }}

),

paths as (

    select
        persona,
        map_version,
        aspect,
        array_to_string(
            list_sort(list(lpad(step_number::varchar, 4, '0') || step)), ' > '
        ) as numbered_path
    from steps
    group by persona, map_version, aspect

)

select
    {{ surrogate_key(['maps.persona', 'maps.map_version', 'paths.aspect']) }} as map_id,
    maps.persona,
    maps.map_version,
    paths.aspect,
    regexp_replace(paths.numbered_path, '(^| > )[0-9]{4}', '\1', 'g') as map_path,
    maps.valid_from,
    maps.valid_to
from maps
inner join paths on maps.persona = paths.persona and maps.map_version = paths.map_version
