with lines as (

    select * from {{ ref('int_order_lines_unioned') }}
    where line_type = 'product'

),

named as (

    select
        product_id,
        product_name
    from lines
    where product_name is not null
    group by product_id, product_name
    qualify row_number() over (
        partition by product_id
        order by
            count(*) filter (where is_sold) desc, count(*) desc, max(ordered_at) desc, product_name
    ) = 1

),

categorised as (

    select
        product_id,
        product_category
    from lines
    where product_category is not null
    group by product_id, product_category
    qualify row_number() over (
        partition by product_id
        order by
            count(*) filter (where is_sold) desc, count(*) desc, max(ordered_at) desc,
            product_category
    ) = 1

),

products as (

    select distinct product_id
    from lines

)

select
    products.product_id,
    named.product_name,
    categorised.product_category
from products
left join named on products.product_id = named.product_id
left join categorised on products.product_id = categorised.product_id
