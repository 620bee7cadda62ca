with paths as (

    select * from {{ ref('int_attribution_paths_unioned') }}

),

stepped as (

    select
        conversion_type,
        channel as from_state,
        lead(channel) over (
            partition by conversion_type, path_id order by touch_number
        ) as next_channel,
        touch_number,
        is_converting
    from paths

),

steps as (

    select
        conversion_type,
        from_state,
        coalesce(
            next_channel, case when is_converting then '(conversion)' else '(null)' end
        ) as to_state
    from stepped
    union all
    select
        conversion_type,
        '(start)',
        from_state
    from stepped
    where touch_number = 1

)

select
    conversion_type,
    from_state,
    to_state,
    count(*) as transition_count
from steps
group by conversion_type, from_state, to_state
