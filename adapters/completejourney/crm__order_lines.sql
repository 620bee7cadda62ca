select
    transactions.basket_id || '-' || transactions.product_id as order_line_id,
    transactions.basket_id as order_id,
    transactions.product_id,
    transactions.quantity,
    round(transactions.sales_value::double, 2)::decimal(18, 2)::varchar as line_amount,
    nullif(concat_ws(' ', products.product_type, products.package_size), '') as product_name,
    products.product_category as category,
    -- What the till took less by: the shop's own discounts, and its part of coupons.
    round(
        transactions.retail_disc::double + transactions.coupon_match_disc::double, 2
    )::decimal(18, 2)::varchar as discount_amount
from transactions
left join products on transactions.product_id = products.product_id
order by order_line_id
