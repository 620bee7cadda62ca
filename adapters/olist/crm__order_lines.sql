-- Line amounts include freight, so that the lines of an order add up to its amount.
select
    order_items.order_id || '-' || order_items.order_item_id as order_line_id,
    order_items.order_id,
    order_items.product_id,
    '1' as quantity,
    (order_items.price::decimal(18, 2) + order_items.freight_value::decimal(18, 2))::varchar
        as line_amount,
    coalesce(categories.product_category_name_english, products.product_category_name) as category
from order_items
left join products on order_items.product_id = products.product_id
left join categories on products.product_category_name = categories.product_category_name
order by order_line_id
