-- What the till took: sales_value is after the shop's own discounts and coupons. A basket that cost
-- nothing has no payment.
select
    'pay-' || basket_id as payment_id,
    basket_id as order_id,
    instant(min(transaction_timestamp)) as paid_at,
    sum(round(sales_value::double, 2)::decimal(18, 2))::varchar as payment_amount,
    'USD' as currency_code,
    'charge' as payment_type
from transactions
group by basket_id
having sum(round(sales_value::double, 2)::decimal(18, 2)) != 0
order by payment_id
