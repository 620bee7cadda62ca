with lines as (

    select * from {{ ref('fct_order_lines') }}
    where line_type = 'product'

),

buyers as (

    select
        product_id,
        person_id,
        count(distinct order_id) as order_count
    from lines
    where is_sold and person_id is not null
    group by product_id, person_id

),

repeated as (

    select
        product_id,
        count(*) as customer_count,
        count(*) filter (where order_count > 1) as repeat_customer_count
    from buyers
    group by product_id

),

summed as (

    select
        product_id,
        max(product_name) as product_name,
        max(product_category) as product_category,
        sum(line_amount_reporting) filter (where is_sold) as sold_amount_reporting,
        sum(line_amount_reporting) filter (where is_returned) as return_amount_reporting,
        count(*) filter (where is_sold) as sold_line_count,
        count(distinct order_id) filter (where is_sold) as order_count,
        sum(quantity) filter (where is_sold) as sold_quantity,
        -sum(quantity) filter (where is_returned) as return_quantity,
        min(ordered_date) filter (where is_sold) as first_ordered_date,
        max(ordered_date) filter (where is_sold) as last_ordered_date,
        min(ordered_at) filter (where is_sold) as first_ordered_at,
        max(ordered_at) filter (where is_sold) as last_ordered_at
    from lines
    group by product_id

)

select
    summed.product_id,
    summed.product_name,
    summed.product_category,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    coalesce(summed.sold_amount_reporting, 0)::decimal(18, 3) as sold_amount_reporting,
    coalesce(summed.return_amount_reporting, 0)::decimal(18, 3) as return_amount_reporting,
    summed.sold_line_count::integer as sold_line_count,
    summed.order_count::integer as order_count,
    coalesce(repeated.customer_count, 0)::integer as customer_count,
    coalesce(repeated.repeat_customer_count, 0)::integer as repeat_customer_count,
    coalesce(summed.sold_quantity, 0)::bigint as sold_quantity,
    coalesce(summed.return_quantity, 0)::bigint as return_quantity,
    summed.first_ordered_date,
    summed.last_ordered_date,
    summed.first_ordered_at,
    summed.last_ordered_at
from summed
left join repeated on summed.product_id = repeated.product_id
