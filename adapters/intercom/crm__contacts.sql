-- Users and leads. `external_id` is the login that the product gave Intercom.
select
    'intercom-' || (json ->> '$.id') as contact_id,
    instant(json ->> '$.created_at') as created_at,
    instant(json ->> '$.updated_at') as updated_at,
    nullif(json ->> '$.email', '') as email,
    nullif(json ->> '$.phone', '') as phone,
    nullif(json ->> '$.external_id', '') as user_id
from contacts
qualify row_number() over (partition by contact_id order by updated_at desc) = 1
order by contact_id
