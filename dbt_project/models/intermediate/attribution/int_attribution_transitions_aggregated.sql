with paths as (

    select * from {{ ref('int_attribution_paths_unioned') }}

),

stepped as (

    select
        conversion_type,
        is_converting,
        coalesce(
            lag(channel) over (partition by conversion_type, path_id order by touch_number),
            '(start)'
        ) as from_state,
        channel as to_state
    from paths

),

moves as (

    select
        conversion_type,
        is_converting,
        from_state,
        to_state,
        count(*) as transition_count
    from stepped
    group by conversion_type, is_converting, from_state, to_state

),

-- Where nothing followed: of the touches of a channel, those from which no path went on.
reached as (

    select
        conversion_type,
        is_converting,
        to_state as channel,
        transition_count as touch_count
    from moves
    union all
    select
        conversion_type,
        is_converting,
        from_state,
        -transition_count
    from moves
    where from_state != '(start)'

)

select
    conversion_type,
    from_state,
    to_state,
    sum(transition_count)::bigint as transition_count
from moves
group by conversion_type, from_state, to_state
union all
select
    conversion_type,
    channel,
    case when is_converting then '(conversion)' else '(null)' end,
    sum(touch_count)::bigint
from reached
group by conversion_type, channel, is_converting
having sum(touch_count) > 0
