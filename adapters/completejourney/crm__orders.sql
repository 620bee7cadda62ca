-- A basket is an order, paid and carried home at the till.
select
    basket_id as order_id,
    min(household_id) as contact_id,
    instant(min(transaction_timestamp)) as ordered_at,
    sum(round(sales_value::double, 2)::decimal(18, 2))::varchar as order_amount,
    'USD' as currency_code,
    'completed' as status,
    instant(min(transaction_timestamp)) as delivered_at,
    min(store_id) as store
from transactions
group by basket_id
order by order_id
