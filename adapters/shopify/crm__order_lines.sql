with numbered as (

    select
        *,
        row_number() over (
            partition by name
            order by lineitem_sku, lineitem_name, lineitem_price, lineitem_quantity
        ) as line_number
    from sold_lines

)

select
    name || '-' || line_number as order_line_id,
    name as order_id,
    coalesce(lineitem_sku, lineitem_name) as product_id,
    case when is_tip then 'other' else 'product' end as line_type,
    lineitem_quantity as quantity,
    money(line_amount, order_currency) as line_amount,
    lineitem_name as product_name,
    vendor as category,
    money(lineitem_price, order_currency) as unit_price,
    money(lineitem_discount, order_currency) as discount_amount,
    updated_at
from numbered
where not is_gift_card
union all
select
    name || '-' || line_type,
    name,
    line_type as product_id,
    line_type,
    '1',
    money(amount, currency),
    null,
    null,
    null,
    null,
    updated_at
from order_charges
order by order_line_id
