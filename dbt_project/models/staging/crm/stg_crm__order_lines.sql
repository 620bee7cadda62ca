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
    category as product_category,
    quantity,
    line_amount
from newest
