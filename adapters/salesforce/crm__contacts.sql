-- Contacts and leads; a converted lead is the contact that it was converted into. Ids have 18
-- characters: those of 15 differ by case only and would be taken for one another elsewhere.
select
    id as contact_id,
    created_date as created_at,
    last_modified_date as updated_at,
    email,
    phone,
    account_id,
    mailing_country_code as country_code,
    null as merged_into_contact_id
from contacts
where is_deleted is distinct from true
union all
select
    id,
    created_date,
    last_modified_date,
    email,
    phone,
    null,
    country_code,
    converted_contact_id
from leads
where is_deleted is distinct from true
order by contact_id
