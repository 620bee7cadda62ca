-- Sales only: cancellations (C…) and adjustments of bad debt (A…) are money, see crm__payments.
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

)

select
    invoice_no as order_id,
    coalesce(min(nullif(customer_id, '')), 'unknown') as contact_id,
    min(invoiced_at) as ordered_at,
    sum(round(quantity * unit_price, 2))::decimal(18, 2)::varchar as order_amount,
    'GBP' as currency_code,
    case when left(invoice_no, 1) in ('C', 'A') then 'cancelled' else 'invoiced' end as status
from distinct_lines
group by invoice_no
order by order_id
