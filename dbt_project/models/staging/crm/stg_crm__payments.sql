with source as (

    select * from {{ source('raw_crm', 'payments') }}

),

-- A refund or chargeback of zero was taken back.
newest as (

    select *
    from source
    qualify {{ is_newest_version(['payment_id'], 'updated_at') }}

)

select
    payment_id,
    order_id,
    coalesce(payment_type, 'charge') as payment_type,
    currency_code,
    case
        when coalesce(payment_type, 'charge') = 'charge' then payment_amount else -payment_amount
    end
        as paid_amount,
    {{ is_known('paid_at') }} as is_known,
    paid_at
from newest
where coalesce(payment_type, 'charge') = 'charge' or payment_amount != 0
