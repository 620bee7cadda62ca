with purchase_types as (

    select * from {{ ref('conversion_types') }}
    where conversion_type = 'web_purchase'

),

-- An order counts only in the session that placed it; a purchase of a tracker without order
-- numbers is an order too.
placed as (

    select
        session_id,
        false as is_unnumbered
    from {{ ref('int_orders_matched_to_sessions') }}
    union all
    select
        web_events.session_id,
        true
    from {{ ref('int_web_events_matched_to_sessions') }} as web_events
    inner join purchase_types
        on {{ matches('web_events.event_name', 'purchase_types.name_pattern') }}
    where web_events.order_id is null

)

select
    session_id,
    bool_or(is_unnumbered) as has_unnumbered_order
from placed
where session_id is not null
group by session_id
