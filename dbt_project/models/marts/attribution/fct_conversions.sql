with touchpoints as (

    select * from {{ ref('fct_touchpoints') }}

),

conversion_types as (

    select * from {{ ref('conversion_types') }}

),

paid_orders as (

    select
        *,
        case
            when point_type = 'order' and subscription_id is not null
                then row_number() over (
                    partition by subscription_id, point_type order by occurred_at, order_id
                ) = 1
            else false
        end as is_subscription_start
    from {{ ref('fct_revenue_points') }}
    where point_type in ('order', 'renewal') and is_order_paid

),

order_touchpoints as (

    select * from touchpoints
    where touchpoint_type = 'order'

),

-- The instant from which the CRM holds the orders of the web as well.
held as (

    select min(occurred_at) as held_since_at
    from {{ ref('fct_revenue_points') }}
    where point_type = 'order'

),

-- By renewals, too, somebody is known to be a customer.
customers as (

    select
        person_id,
        min(occurred_at) as customer_since_at
    from paid_orders
    where person_id is not null
    group by person_id

),

-- What a paid order is: the first or another one, and what it says of a subscription.
named_orders as (

    select
        *,
        case when paid_order_number = 1 then 'first' else 'repeat' end as order_name
    from paid_orders
    where point_type = 'order'
    union all
    select
        *,
        'subscription_start'
    from paid_orders
    where is_subscription_start
    union all
    select
        *,
        'upgrade'
    from paid_orders
    where point_type = 'order' and value_type = 'expansion'

),

kinds as (

    select
        touchpoint_type,
        touchpoint_name,
        is_inbound,
        is_own_act
    from touchpoints
    where touchpoint_type != 'order'
    group by touchpoint_type, touchpoint_name, is_inbound, is_own_act

),

converting_kinds as (

    select
        kinds.*,
        conversion_types.conversion_type
    from kinds
    inner join conversion_types
        on
            {{ matches('kinds.touchpoint_type', 'conversion_types.touchpoint_type_pattern') }}
            and {{ matches('kinds.touchpoint_name', 'conversion_types.name_pattern') }}
            and coalesce(kinds.is_inbound = conversion_types.is_inbound, true)
            and coalesce(kinds.is_own_act = conversion_types.is_own_act, true)

),

candidates as (

    select
        converting_kinds.conversion_type,
        touchpoints.touchpoint_id as source_id,
        touchpoints.touchpoint_id,
        touchpoints.person_id,
        touchpoints.journey_id,
        touchpoints.session_id,
        touchpoints.order_id,
        touchpoints.channel,
        touchpoints.touchpoint_number,
        touchpoints.is_inbound,
        touchpoints.occurred_at
    from touchpoints
    inner join converting_kinds
        on
            touchpoints.touchpoint_type = converting_kinds.touchpoint_type
            and touchpoints.touchpoint_name = converting_kinds.touchpoint_name
            and touchpoints.is_inbound = converting_kinds.is_inbound
            and touchpoints.is_own_act = converting_kinds.is_own_act
    left join order_touchpoints on touchpoints.order_id = order_touchpoints.order_id
    cross join held
    -- An event of an order that the CRM holds is that order, not another conversion. Without a
    -- number nobody can tell which order it is, so where orders are held it is taken for one.
    where
        order_touchpoints.order_id is null
        and (
            converting_kinds.conversion_type != 'web_purchase'
            or touchpoints.order_id is not null
            or held.held_since_at is null
            or touchpoints.occurred_at < held.held_since_at
        )
    union all
    select
        conversion_types.conversion_type,
        named_orders.order_id as source_id,
        order_touchpoints.touchpoint_id,
        named_orders.person_id,
        order_touchpoints.journey_id,
        order_touchpoints.session_id,
        named_orders.order_id,
        coalesce(named_orders.preceding_channel, 'unassigned'),
        order_touchpoints.touchpoint_number,
        true,
        named_orders.occurred_at
    from named_orders
    inner join conversion_types
        on
            {{ matches("'order'", 'conversion_types.touchpoint_type_pattern') }}
            and {{ matches('named_orders.order_name', 'conversion_types.name_pattern') }}
    left join order_touchpoints on named_orders.order_id = order_touchpoints.order_id

),

typed as (

    select
        candidates.*,
        conversion_types.type_order,
        conversion_types.cycle,
        conversion_types.is_counted_once,
        conversion_types.has_revenue
    from candidates
    inner join conversion_types on candidates.conversion_type = conversion_types.conversion_type
    left join customers on candidates.person_id = customers.person_id
    where
        case conversion_types.audience
            when 'prospects'
                then coalesce(candidates.occurred_at <= customers.customer_since_at, true)
            when 'customers'
                then coalesce(candidates.occurred_at >= customers.customer_since_at, true)
            else true
        end

),

-- One touchpoint is one conversion of a cycle, and a reloaded page of thanks is no other one.
numbered as (

    select
        *,
        row_number() over (
            partition by cycle, coalesce(order_id, touchpoint_id)
            order by occurred_at, type_order, source_id
        ) as occurrence_number,
        row_number() over (
            partition by cycle, person_id order by occurred_at, type_order, source_id
        ) as cycle_number,
        row_number() over (
            partition by order_id, has_revenue order by type_order, source_id
        ) as order_type_number
    from typed

)

select
    {{ surrogate_key(['conversion_type', 'source_id']) }} as conversion_id,
    conversion_type,
    cycle,
    person_id,
    journey_id,
    touchpoint_id,
    session_id,
    order_id,
    channel,
    touchpoint_number::integer as touchpoint_number,
    is_inbound,
    has_revenue and order_id is not null and order_type_number = 1 as is_valued,
    {{ business_date('occurred_at') }} as occurred_date,
    occurred_at
from numbered
where
    occurrence_number = 1
    and (not is_counted_once or person_id is null or cycle_number = 1)
