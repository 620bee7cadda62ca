-- Products attached to the transaction, or items that were sent as events of their own, once each.
with items as (

    select
        ti_orderid as order_id,
        coalesce(ti_sku, ti_name) as product_id,
        coalesce(ti_quantity, '1') as quantity,
        ti_price as unit_price,
        ti_name as product_name,
        ti_category as category
    from firsts
    qualify
        row_number() over (
            partition by ti_orderid, coalesce(ti_sku, ti_name) order by collector_tstamp, event_id
        ) = 1

),

unioned as (

    select
        transactions.order_id,
        transactions.order_currency as currency_code,
        attached.data ->> '$.id' as product_id,
        coalesce(attached.data ->> '$.quantity', '1') as quantity,
        amount(attached.data ->> '$.price') as unit_price,
        attached.data ->> '$.name' as product_name,
        attached.data ->> '$.category' as category
    from transactions
    inner join attached on transactions.event_id = attached.event_id
    where attached.kind = 'product'
    union all
    select
        transactions.order_id,
        transactions.order_currency,
        items.product_id,
        items.quantity,
        items.unit_price,
        items.product_name,
        items.category
    from items
    inner join transactions on items.order_id = transactions.order_id

)

select
    order_id || '-' || row_number() over (
        partition by order_id order by product_id, unit_price, quantity, category
    ) as order_line_id,
    order_id,
    product_id,
    amount(quantity)::integer as quantity,
    money(amount(quantity) * unit_price, currency_code) as line_amount,
    product_name,
    category,
    money(unit_price, currency_code) as unit_price
from unioned
where product_id is not null and unit_price is not null
order by order_line_id
