with lines as (

    select
        order_id,
        sum(line_amount) as line_amount
    from {{ ref('fct_order_lines') }}
    group by order_id

),

-- What the lines of known orders came to when they were loaded.
told as (

    select
        order_lines.order_id,
        sum(order_lines.line_amount) as told_amount
    from {{ ref('stg_crm__order_lines') }} as order_lines
    group by order_lines.order_id

),

kept as (

    select
        order_id,
        sum(line_amount) as kept_amount
    from {{ ref('fct_order_lines') }}
    where line_type not in ('remainder', 'unspecified')
    group by order_id

)

select
    orders.order_id,
    orders.order_amount,
    lines.line_amount,
    told.told_amount,
    kept.kept_amount
from {{ ref('fct_orders') }} as orders
left join lines on orders.order_id = lines.order_id
left join told on orders.order_id = told.order_id
left join kept on orders.order_id = kept.order_id
where
    lines.line_amount is distinct from orders.order_amount
    or told.told_amount is distinct from kept.kept_amount
