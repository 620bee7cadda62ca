-- The export has no customer id. Each order brings a contact of its own, and identity joins those
-- of one e-mail address or phone number to one person.
select
    'shopify-' || name as contact_id,
    created_at,
    updated_at,
    email,
    phone,
    billing_country as country_code
from states
where not is_test and (email is not null or phone is not null)
order by contact_id
