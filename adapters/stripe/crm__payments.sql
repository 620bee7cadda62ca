-- Money in, then money back: single refunds where they were exported, else what the payment says.
with paid as (

    select
        *,
        coalesce(order_id_metadata, id) as order_id,
        upper(currency) as currency_code
    from payments
    where status in ('Paid', 'Refunded', 'Partially Refunded', 'Disputed', 'succeeded')

),

single_refunds as (

    select *
    from refunds
    where coalesce(lower(status), 'succeeded') = 'succeeded'

),

unioned as (

    select
        id as payment_id,
        order_id,
        created_date_utc as paid_at,
        amount,
        currency_code,
        'charge' as payment_type
    from paid
    union all
    select
        single_refunds.id,
        paid.order_id,
        single_refunds.created_utc,
        single_refunds.amount,
        paid.currency_code,
        'refund'
    from single_refunds
    inner join paid on single_refunds.charge = paid.id
    union all
    select
        id || '-refund',
        order_id,
        coalesce(refunded_date_utc, created_date_utc),
        amount_refunded,
        currency_code,
        'refund'
    from paid
    where
        amount_refunded > 0
        and not exists (
            select 1
            from single_refunds
            where single_refunds.charge = paid.id
        )
    union all
    select
        id || '-dispute',
        order_id,
        coalesce(dispute_date_utc, created_date_utc),
        disputed_amount,
        currency_code,
        'chargeback'
    from paid
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
