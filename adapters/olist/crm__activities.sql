-- Each order that a won seller took part in is one sale of that seller, however many items it had.
with sales as (
    select
        order_items.seller_id,
        order_items.order_id
    from order_items
    group by order_items.seller_id, order_items.order_id
)

select
    'sale-' || sales.seller_id || '-' || sales.order_id as activity_id,
    closed_deals.mql_id as contact_id,
    instant(orders.order_purchase_timestamp) as occurred_at,
    'sale' as activity_type,
    'inbound' as direction
from sales
inner join closed_deals on sales.seller_id = closed_deals.seller_id
inner join orders on sales.order_id = orders.order_id
order by activity_id
