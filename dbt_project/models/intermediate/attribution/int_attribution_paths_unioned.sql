with conversion_touches as (

    select * from {{ ref('int_conversion_touches_matched') }}

),

conversions as (

    select * from {{ ref('int_conversions_unioned') }}
    where touchpoint_number is not null

),

touchpoints as (

    select * from {{ ref('fct_touchpoints') }}
    where person_id is not null

),

touch_types as (

    select * from {{ ref('touchpoint_types') }}
    where is_marketing_touch

),

conversion_types as (

    select conversion_type
    from conversions
    group by conversion_type

),

first_orders as (

    select
        person_id,
        min(touchpoint_number) as first_order_number
    from conversions
    where conversion_type = 'first_order'
    group by person_id

),

-- Who may still convert: before the first order for a first one, after it for another.
eligible as (

    select
        conversion_types.conversion_type,
        touchpoints.person_id,
        touchpoints.journey_id,
        touchpoints.touchpoint_id,
        touchpoints.touchpoint_number,
        touchpoints.channel
    from touchpoints
    inner join touch_types on touchpoints.touchpoint_type = touch_types.touchpoint_type
    cross join conversion_types
    left join first_orders on touchpoints.person_id = first_orders.person_id
    where
        case conversion_types.conversion_type
            when 'first_order'
                then coalesce(touchpoints.touchpoint_number < first_orders.first_order_number, true)
            when 'repeat_order'
                then coalesce(
                    touchpoints.touchpoint_number > first_orders.first_order_number, false
                )
            else true
        end

),

-- Touches that earned nothing, in pieces between conversions: paths that ended without one.
unused as (

    select
        eligible.conversion_type,
        eligible.journey_id,
        eligible.touchpoint_number,
        eligible.channel,
        count(conversions.conversion_id) as earlier_count
    from eligible
    left join conversion_touches
        on
            eligible.conversion_type = conversion_touches.conversion_type
            and eligible.touchpoint_id = conversion_touches.touchpoint_id
    left join conversions
        on
            eligible.conversion_type = conversions.conversion_type
            and eligible.person_id = conversions.person_id
            and eligible.touchpoint_number > conversions.touchpoint_number
    where conversion_touches.touchpoint_id is null
    group by
        eligible.conversion_type,
        eligible.journey_id,
        eligible.touchpoint_number,
        eligible.channel

)

select
    conversion_type,
    conversion_id as path_id,
    touch_number,
    channel,
    true as is_converting
from conversion_touches
where is_in_path
union all
select
    conversion_type,
    {{ surrogate_key(['conversion_type', 'journey_id', 'earlier_count']) }},
    row_number() over (
        partition by conversion_type, journey_id, earlier_count order by touchpoint_number
    )::integer,
    channel,
    false
from unused
