with source as (

    select * from {{ source('raw_crm', 'payments') }}

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
from source
