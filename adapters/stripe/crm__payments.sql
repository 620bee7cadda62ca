-- Money in, then money back: single refunds where they were exported, else what the payment says.
with unioned as (

    select
        id as payment_id,
        order_id,
        created_date_utc as paid_at,
        amount,
        currency_code,
        'charge' as payment_type
    from received
    union all
    select
        id,
        order_id,
        created_date_utc,
        amount,
        currency_code,
        'refund'
    from returned
    union all
    select
        id || '-refund',
        order_id,
        coalesce(refunded_date_utc, created_date_utc),
        amount_refunded,
        currency_code,
        'refund'
    from received
    where
        amount_refunded > 0
        and not exists (
            select 1
            from returned
            where returned.charge = received.id
        )
    union all
    select
        id || '-dispute',
        order_id,
        coalesce(dispute_date_utc, created_date_utc),
        disputed_amount,
        currency_code,
        'chargeback'
    from received
    where
        disputed_amount > 0
        and lower(dispute_status) in ('lost', 'charge_refunded')
)

select
    payment_id,
    order_id,
    paid_at,
    money(amount, currency_code) as payment_amount,
    currency_code,
    payment_type
from unioned
order by payment_id
