select
    name || '-' || row_number() over (
        partition by name order by lineitem_sku, lineitem_name, lineitem_price, lineitem_quantity
    ) as order_line_id,
    name as order_id,
    coalesce(lineitem_sku, lineitem_name) as product_id,
    lineitem_quantity as quantity,
    money(line_amount, order_currency) as line_amount,
    vendor as category,
    updated_at
from sold_lines
where not is_gift_card
order by order_line_id
