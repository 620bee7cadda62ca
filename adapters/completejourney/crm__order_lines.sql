select
    transactions.basket_id || '-' || transactions.product_id as order_line_id,
    transactions.basket_id as order_id,
    transactions.product_id,
    transactions.quantity,
    round(transactions.sales_value::double, 2)::decimal(18, 2)::varchar as line_amount,
    products.product_category as category
from transactions
left join products on transactions.product_id = products.product_id
order by order_line_id
