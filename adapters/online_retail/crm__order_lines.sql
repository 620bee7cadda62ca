-- A line has no id: it is made of its content, so that a line entered twice is one duplicate. Stock
-- codes of letters alone are no goods.
select
    md5(
        concat_ws(
            '|', invoice_no, stock_code, coalesce(description, ''), quantity, unit_price,
            invoice_date
        )
    ) as order_line_id,
    invoice_no as order_id,
    stock_code as product_id,
    case
        when stock_code in ('POST', 'DOT', 'C2') then 'shipping'
        when stock_code = 'D' then 'discount'
        when stock_code in ('M', 'm', 'S', 'B', 'AMAZONFEE', 'BANK CHARGES', 'CRUK') then 'other'
        else 'product'
    end as line_type,
    quantity,
    round(quantity::integer * unit_price::decimal(18, 3), 2)::decimal(18, 2)::varchar
        as line_amount,
    description as product_name,
    unit_price
from lines
order by order_line_id
