-- Money in, then money back: single refunds where they were exported, and what the payment says
-- beyond them. A refund or dispute that came to nothing is one of zero: what an export that was
-- imported before said of it no longer counts.
with unioned as (

    select
        id as payment_id,
        order_id,
        created_date_utc as paid_at,
        amount,
        currency_code,
        'charge' as payment_type,
        updated_at
    from received
    union all
    select
        id,
        order_id,
        created_date_utc,
        returned_amount,
        currency_code,
        'refund',
        updated_at
    from returned
    union all
    select
        received.id || '-refund',
        any_value(received.order_id),
        any_value(coalesce(received.refunded_date_utc, received.created_date_utc)),
        greatest(
            any_value(coalesce(received.amount_refunded, 0))
            - coalesce(sum(returned.returned_amount), 0),
            0
        ),
        any_value(received.currency_code),
        'refund',
        max(greatest(received.updated_at, returned.updated_at))
    from received
    left join returned on received.id = returned.charge
    where received.amount_refunded > 0 or returned.id is not null
    group by received.id
    union all
    select
        id || '-dispute',
        order_id,
        coalesce(dispute_date_utc, created_date_utc),
        -- Of one that ended in a refund, the refund went back already.
        case dispute_status
            when 'lost' then disputed_amount
            when 'refunded' then greatest(disputed_amount - coalesce(amount_refunded, 0), 0)
            else 0
        end,
        currency_code,
        'chargeback',
        updated_at
    from received
    where disputed_amount > 0
)

select
    payment_id,
    order_id,
    paid_at,
    money(amount, currency_code) as payment_amount,
    currency_code,
    payment_type,
    updated_at
from unioned
order by payment_id
