with paths as (

    select * from {{ ref('int_attribution_paths_unioned') }}

),

sets as (

    select
        conversion_type,
        path_id,
        bool_or(is_converting) as is_converting,
        array_to_string(list_sort(list_distinct(list(channel))), ' | ') as channel_set
    from paths
    group by conversion_type, path_id

)

select
    conversion_type,
    channel_set,
    count(*) filter (where is_converting) as conversion_count,
    count(*) as path_count
from sets
group by conversion_type, channel_set
