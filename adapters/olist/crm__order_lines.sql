-- Freight is a line of its own, so that a product's amount is its price and the lines of an order
-- still add up to its amount.
with lines as (

    select
        *,
        unnest(['product', 'shipping']) as line_type,
        unnest([price, freight_value])::decimal(18, 2) as amount
    from order_items

)

select
    lines.order_id || '-' || lines.order_item_id
    || case when lines.line_type = 'shipping' then '-freight' else '' end as order_line_id,
    lines.order_id,
    case when lines.line_type = 'shipping' then 'freight' else lines.product_id end as product_id,
    lines.line_type,
    '1' as quantity,
    lines.amount::varchar as line_amount,
    case
        when lines.line_type = 'product'
            then coalesce(
                categories.product_category_name_english, products.product_category_name
            )
    end as category
from lines
left join products on lines.product_id = products.product_id
left join categories on products.product_category_name = categories.product_category_name
where lines.line_type = 'product' or lines.amount != 0
order by order_line_id
