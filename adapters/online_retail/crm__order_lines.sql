-- A line has no id: it is made of its content, so that a line entered twice is one duplicate.
select
    md5(
        concat_ws(
            '|', invoice_no, stock_code, coalesce(description, ''), quantity, unit_price,
            invoice_date
        )
    ) as order_line_id,
    invoice_no as order_id,
    stock_code as product_id,
    quantity,
    round(quantity::integer * unit_price::decimal(18, 3), 2)::decimal(18, 2)::varchar
        as line_amount,
    country as category
from lines
order by order_line_id
