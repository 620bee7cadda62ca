with source as (

    select * from {{ source('raw_crm', 'order_lines') }}

),

newest as (

    select *
    from source
    qualify {{ is_newest_version(['order_line_id'], 'updated_at') }}

)

select
    order_line_id,
    order_id,
    product_id,
    coalesce(line_type, 'product') as line_type,
    nullif(trim(product_name, ' '), '') as product_name,
    nullif(trim(category, ' '), '') as product_category,
    quantity,
    unit_price as unit_price_amount,
    line_amount,
    discount_amount,
    tax_amount
from newest
