select
    name || '-' || row_number() over (
        partition by name order by lineitem_sku, lineitem_name, lineitem_price, lineitem_quantity
    ) as order_line_id,
    name as order_id,
    coalesce(lineitem_sku, lineitem_name) as product_id,
    lineitem_quantity as quantity,
    money(
        lineitem_quantity::integer * lineitem_price - coalesce(lineitem_discount, 0),
        max(currency) over (partition by name)
    ) as line_amount,
    vendor as category
from lines
order by order_line_id
