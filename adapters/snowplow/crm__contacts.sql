-- Who ordered is known by login, device and address: each order brings a contact of its own, and
-- identity joins those of one person.
select
    'snowplow-' || order_id as contact_id,
    occurred_at as created_at,
    user_email as email,
    user_id,
    visitor_of(device_id, user_id) as visitor_id
from transactions
where coalesce(device_id, user_id, user_email) is not null
order by contact_id
