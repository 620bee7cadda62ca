with lines as (

    select
        *,
        {{ month_start_date('ordered_date') }} as month_start_date
    from {{ ref('fct_order_lines') }}
    where is_sold or is_returned

),

money_back as (

    select
        order_id,
        returned_amount < 0 as has_refund
    from {{ ref('fct_orders') }}

),

bought as (

    select distinct
        product_id,
        person_id,
        order_id,
        currency_code,
        ordered_at,
        month_start_date
    from lines
    where is_sold and person_id is not null

),

-- An order is a repeat of a product when its customer had bought the product on an earlier one.
numbered as (

    select
        *,
        row_number() over (
            partition by product_id, person_id order by ordered_at, order_id
        ) > 1 as is_repeat
    from bought

),

repeated as (

    select
        product_id,
        currency_code,
        month_start_date,
        count(distinct person_id) as customer_count,
        count(distinct person_id) filter (where is_repeat) as repeat_customer_count
    from numbered
    group by product_id, currency_code, month_start_date

),

month_orders as (

    select
        currency_code,
        month_start_date,
        count(distinct order_id) as order_count
    from lines
    where is_sold
    group by currency_code, month_start_date

),

summed as (

    select
        lines.product_id,
        lines.currency_code,
        lines.month_start_date,
        max(lines.product_name) as product_name,
        max(lines.product_category) as product_category,
        coalesce(sum(lines.line_amount) filter (where lines.is_sold), 0) as sold_amount,
        coalesce(sum(lines.line_amount) filter (where lines.is_returned), 0) as return_amount,
        sum(lines.discount_amount) filter (where lines.is_sold) as discount_amount,
        count(distinct lines.order_id) filter (where lines.is_sold) as order_count,
        count(distinct lines.order_id) filter (where lines.is_sold and money_back.has_refund)
            as refunded_order_count,
        coalesce(sum(lines.quantity) filter (where lines.is_sold), 0) as sold_quantity,
        coalesce(-sum(lines.quantity) filter (where lines.is_returned), 0) as return_quantity
    from lines
    inner join money_back on lines.order_id = money_back.order_id
    group by lines.product_id, lines.currency_code, lines.month_start_date

),

totalled as (

    select
        summed.*,
        coalesce(repeated.customer_count, 0) as customer_count,
        coalesce(repeated.repeat_customer_count, 0) as repeat_customer_count,
        month_orders.order_count as month_order_count,
        sum(summed.sold_amount) over (
            partition by summed.currency_code, summed.month_start_date
        ) as month_amount
    from summed
    left join repeated
        on
            summed.product_id = repeated.product_id
            and summed.currency_code = repeated.currency_code
            and summed.month_start_date = repeated.month_start_date
    left join month_orders
        on
            summed.currency_code = month_orders.currency_code
            and summed.month_start_date = month_orders.month_start_date

)

select
    {{ surrogate_key(['product_id', 'currency_code', 'month_start_date']) }} as product_month_id,
    product_id,
    product_name,
    product_category,
    currency_code,
    sold_amount::decimal(18, 3) as sold_amount,
    return_amount::decimal(18, 3) as return_amount,
    discount_amount::decimal(18, 3) as discount_amount,
    order_count::integer as order_count,
    refunded_order_count::integer as refunded_order_count,
    customer_count::integer as customer_count,
    repeat_customer_count::integer as repeat_customer_count,
    sold_quantity::bigint as sold_quantity,
    return_quantity::bigint as return_quantity,
    round(order_count::double / month_order_count, 6)::double as order_share,
    round(sold_amount::double / nullif(month_amount, 0)::double, 6)::double as amount_share,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from totalled
