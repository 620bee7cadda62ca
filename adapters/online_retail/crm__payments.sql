-- The set knows invoices, not payments: an invoice counts as paid when it was written; what is
-- negative is a refund, and an adjustment of bad debt a chargeback.
with distinct_lines as (

    select distinct
        invoice_no,
        stock_code,
        description,
        quantity::integer as quantity,
        instant(invoice_date) as invoiced_at,
        unit_price::decimal(18, 3) as unit_price,
        split_part(customer_id, '.', 1) as customer_id
    from lines

),

invoices as (

    select
        invoice_no,
        min(invoiced_at) as invoiced_at,
        sum(round(quantity * unit_price, 2))::decimal(18, 2) as amount
    from distinct_lines
    group by invoice_no

)

select
    'pay-' || invoice_no as payment_id,
    invoice_no as order_id,
    invoiced_at as paid_at,
    abs(amount)::varchar as payment_amount,
    'GBP' as currency_code,
    case
        when amount >= 0 then 'charge'
        when left(invoice_no, 1) = 'A' then 'chargeback'
        else 'refund'
    end as payment_type
from invoices
where amount != 0
order by payment_id
