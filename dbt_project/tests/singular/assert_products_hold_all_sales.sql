with lines as (

    select
        product_id,
        sum(case when is_sold then line_amount else 0 end) as sold_amount,
        sum(case when is_returned then line_amount else 0 end) as return_amount,
        sum(case when is_sold then quantity else 0 end) as sold_quantity
    from {{ ref('fct_order_lines') }}
    where line_type = 'product'
    group by product_id

),

months as (

    select
        product_id,
        sum(sold_amount) as sold_amount,
        sum(return_amount) as return_amount,
        sum(sold_quantity) as sold_quantity
    from {{ ref('kpi_products_monthly') }}
    group by product_id

)

select
    lines.product_id,
    lines.sold_amount,
    months.sold_amount as month_amount
from lines
left join months on lines.product_id = months.product_id
left join {{ ref('dim_products') }} as products on lines.product_id = products.product_id
where
    lines.sold_amount != coalesce(months.sold_amount, 0)
    or lines.return_amount != coalesce(months.return_amount, 0)
    or lines.sold_quantity != coalesce(months.sold_quantity, 0)
    or lines.sold_quantity is distinct from products.sold_quantity
