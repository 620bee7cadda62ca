-- A customer is known from their first payment on.
select
    customer_id as contact_id,
    min(created_date_utc) as created_at,
    arg_max(customer_email, created_date_utc) as email
from payments
where customer_id is not null
group by customer_id
order by contact_id
