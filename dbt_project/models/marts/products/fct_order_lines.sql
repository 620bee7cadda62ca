with lines as (

    select * from {{ ref('int_order_lines_unioned') }}

),

products as (

    select * from {{ ref('int_products_described') }}

),

line_types as (

    select * from {{ ref('order_line_types') }}

)

select
    lines.order_line_id,
    lines.order_id,
    lines.person_id,
    lines.product_id,
    lines.line_type,
    products.product_name,
    products.product_category,
    lines.order_type,
    lines.order_status,
    lines.order_channel,
    lines.currency_code,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    lines.unit_price_amount::decimal(18, 3) as unit_price_amount,
    lines.line_amount::decimal(18, 3) as line_amount,
    lines.discount_amount::decimal(18, 3) as discount_amount,
    lines.tax_amount::decimal(18, 3) as tax_amount,
    {{ in_money('lines.line_amount::decimal(20, 3) * lines.reporting_rate', reporting_currency()) }}
        as line_amount_reporting,
    lines.quantity::integer as quantity,
    row_number() over (
        partition by lines.order_id order by line_types.type_order, lines.order_line_id
    )::integer as line_number,
    lines.is_sold,
    lines.is_returned,
    lines.is_paid,
    lines.ordered_date,
    lines.ordered_at
from lines
left join products on lines.product_id = products.product_id
left join line_types on lines.line_type = line_types.line_type
