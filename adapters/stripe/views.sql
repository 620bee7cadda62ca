-- Payments, each as its newest export shows it: exports overlap, and of a payment that is in
-- several, the one counts that shows the latest event, then the larger refund. A guest has no
-- customer id: each of their payments brings a contact of its own. Test mode moves no money.
create view newest as
select
    *,
    coalesce(order_id_metadata, id) as order_id,
    coalesce(customer_id, case when customer_email is not null then 'stripe-' || id end)
        as contact_id,
    upper(currency) as currency_code,
    lower(status) in (
        'paid', 'succeeded', 'refunded', 'partially refunded', 'partial refund', 'disputed'
    )
    and coalesce(captured, true) as is_received
from payments
where lower(mode) is distinct from 'test'
qualify
    row_number() over (
        partition by id
        order by
            greatest(created_date_utc, refunded_date_utc, dispute_date_utc) desc,
            coalesce(amount_refunded, 0) desc,
            file_order(_path) desc
    ) = 1;

-- Payments whose money came in.
create view received as
select * from newest
where is_received;

-- Refunds that reached the customer, once each.
create view returned as
select distinct on (refunds.id)
    refunds.id,
    refunds.charge,
    received.order_id,
    refunds.created_date_utc,
    refunds.amount,
    received.currency_code
from refunds
inner join received on refunds.charge = received.id
where coalesce(lower(refunds.status), 'succeeded') = 'succeeded'
order by refunds.id, file_order(refunds._path) desc;
