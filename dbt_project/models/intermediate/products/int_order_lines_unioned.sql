with orders as (

    select * from {{ ref('fct_orders') }}

),

-- The rate of the order's day, as its revenue point has it.
rates as (

    select
        order_id,
        reporting_rate
    from {{ ref('int_revenue_points_placed') }}
    where point_type in ('order', 'renewal')

),

-- A line whose order is not known (yet) waits for it.
told as (

    select order_lines.*
    from {{ ref('stg_crm__order_lines') }} as order_lines
    inner join orders on order_lines.order_id = orders.order_id

),

totals as (

    select
        order_id,
        sum(line_amount) as line_amount,
        bool_or(line_type = 'product') as has_product
    from told
    group by order_id

),

-- What no line tells of the order's amount: all of it, or a rest (rounding, shipping, discounts).
untold as (

    select
        {{ surrogate_key(["'untold'", 'orders.order_id']) }} as order_line_id,
        orders.order_id,
        case when totals.has_product then 'remainder' else 'unspecified' end as line_type,
        orders.order_amount - coalesce(totals.line_amount, 0) as line_amount
    from orders
    left join totals on orders.order_id = totals.order_id
    where totals.order_id is null or orders.order_amount != totals.line_amount

),

unioned as (

    select
        order_line_id,
        order_id,
        case when line_type = 'product' then product_id end as product_id,
        line_type,
        product_name,
        product_category,
        case when line_type = 'product' then quantity end as quantity,
        case when line_type = 'product' then unit_price_amount end as unit_price_amount,
        line_amount,
        discount_amount,
        tax_amount
    from told
    union all
    select
        order_line_id,
        order_id,
        null,
        line_type,
        null,
        null,
        null,
        null,
        line_amount,
        null,
        null
    from untold

)

-- Sold is what an order that counts holds; returned what comes back on one, or on a credit note,
-- which sources keep as a cancelled order of a negative amount. What goes out of stock for no
-- money is neither.
select
    unioned.*,
    orders.person_id,
    orders.order_type,
    orders.order_status,
    orders.order_channel,
    orders.currency_code,
    orders.is_paid,
    rates.reporting_rate,
    coalesce(unioned.line_type = 'product' and orders.is_owed and unioned.quantity >= 0, false)
        as is_sold,
    coalesce(
        unioned.line_type = 'product' and unioned.quantity < 0 and unioned.line_amount < 0
        and (orders.is_owed or orders.order_amount < 0),
        false
    ) as is_returned,
    orders.ordered_date,
    orders.ordered_at
from unioned
inner join orders on unioned.order_id = orders.order_id
left join rates on unioned.order_id = rates.order_id
