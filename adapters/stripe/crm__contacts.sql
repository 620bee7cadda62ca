-- Somebody is known from their first payment on.
select
    contact_id,
    min(created_date_utc) as created_at,
    arg_max(customer_email, created_date_utc) as email
from newest
where contact_id is not null
group by contact_id
order by contact_id
