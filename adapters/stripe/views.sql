-- Payments, each as its newest export shows it: exports overlap, and of a payment that is in
-- several, the latest state counts. A guest has no customer id: each of their payments brings a
-- contact of its own. Test mode moves no money.
create view newest as
select
    *,
    coalesce(order_id_metadata, id) as order_id,
    coalesce(customer_id, case when customer_email is not null then 'stripe-' || id end)
        as contact_id,
    upper(currency) as currency_code,
    status = 'received' and coalesce(captured, true) as is_received,
    changed_at(
        greatest(created_date_utc, refunded_date_utc, dispute_date_utc),
        case when is_received then amount else 0 end + coalesce(amount_refunded, 0),
        2 * amount
    ) as updated_at
from payments
where mode is distinct from 'test'
qualify
    row_number() over (
        partition by id
        order by updated_at desc, file_order(_path) desc
    ) = 1;

-- Payments whose money came in.
create view received as
select * from newest
where is_received;

-- Refunds, once each, with what of them reached the customer.
create view returned as
select distinct on (refunds.id)
    refunds.id,
    refunds.charge,
    received.order_id,
    refunds.created_date_utc,
    received.currency_code,
    received.updated_at,
    case
        when coalesce(refunds.status, 'returned') = 'returned' then refunds.amount
        else 0
    end as returned_amount
from refunds
inner join received on refunds.charge = received.id
order by refunds.id, file_order(refunds._path) desc;
