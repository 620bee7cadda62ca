with conversion_touches as (

    select * from {{ ref('int_conversion_touches_matched') }}

),

conversions as (

    select * from {{ ref('int_conversions_unioned') }}
    where touchpoint_number is not null and is_conversion

),

touchpoints as (

    select * from {{ ref('fct_touchpoints') }}
    where person_id is not null

),

orders as (

    select
        person_id,
        min(touchpoint_number) as first_order_number
    from touchpoints
    where touchpoint_type = 'order' and touchpoint_name = 'paid'
    group by person_id

),

touch_types as (

    select * from {{ ref('touchpoint_types') }}
    where is_marketing_touch

),

-- Types that somebody has converted to.
conversion_types as (

    select * from {{ ref('conversion_types') }}
    where conversion_type in (select conversions.conversion_type from conversions)

),

-- Of cycles of which only a person's first conversion counts.
converted as (

    select
        person_id,
        cycle,
        min(touchpoint_number) as touchpoint_number
    from conversions
    group by person_id, cycle

),

-- Who may still convert: prospects before their first order, customers after it, and nobody again
-- where a person counts once.
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
    left join orders on touchpoints.person_id = orders.person_id
    left join converted
        on
            touchpoints.person_id = converted.person_id
            and conversion_types.cycle = converted.cycle
    where
        case conversion_types.audience
            when 'prospects'
                then coalesce(touchpoints.touchpoint_number < orders.first_order_number, true)
            when 'customers'
                then coalesce(touchpoints.touchpoint_number > orders.first_order_number, false)
            else true
        end
        and not coalesce(
            conversion_types.is_counted_once
            and touchpoints.touchpoint_number >= converted.touchpoint_number,
            false
        )

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
where is_in_path and conversion_id in (select conversions.conversion_id from conversions)
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
