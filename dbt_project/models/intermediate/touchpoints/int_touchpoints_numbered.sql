{{ config(schema='touched') }}

with resolved as (

    select * from {{ touched_rows('int_touchpoints_unioned') }}

),

channels as (

    select * from {{ ref('channels') }}

),

personas as (

    select
        person_id,
        persona
    from {{ touched_rows('int_persons_described') }}

),

-- A recommendation comes before whatever it brought; the CRM knows only when the contact was
-- created. So it stands at the first touch of the person within the lookback before that.
recommended as (

    select
        recommendations.touchpoint_id,
        min(touches.occurred_at) as occurred_at
    from resolved as recommendations
    inner join resolved as touches
        on
            recommendations.person_id = touches.person_id
            and recommendations.occurred_at >= touches.occurred_at
            and recommendations.occurred_at
            - interval '{{ var("attribution_lookback_days") }} days' <= touches.occurred_at
    where recommendations.touchpoint_type = 'recommendation'
    group by recommendations.touchpoint_id

),

touchpoints as (

    select
        resolved.* exclude (occurred_at),
        coalesce(recommended.occurred_at, resolved.occurred_at) as occurred_at
    from resolved
    left join recommended on resolved.touchpoint_id = recommended.touchpoint_id

)

select
    touchpoints.*,
    personas.persona,
    channels.is_online,
    case
        when touchpoints.person_id is not null
            then row_number() over (
                partition by touchpoints.person_id
                order by
                    touchpoints.occurred_at, touchpoints.type_order, touchpoints.touchpoint_id
            )
    end as touchpoint_number,
    case
        when touchpoints.person_id is not null
            then row_number() over (
                partition by
                    touchpoints.person_id, touchpoints.touchpoint_type, touchpoints.touchpoint_name
                order by touchpoints.occurred_at, touchpoints.touchpoint_id
            )
    end as type_number
from touchpoints
inner join channels on touchpoints.channel = channels.channel
left join personas on touchpoints.person_id = personas.person_id
