-- Contacts and leads. A converted lead is the contact that it was converted into; what was merged
-- is deleted and names the record that remains.
select
    id as contact_id,
    created_date as created_at,
    last_modified_date as updated_at,
    email,
    phone,
    account_id,
    mailing_country_code as country_code,
    case when is_deleted then master_record_id end as merged_into_contact_id
from contacts
where is_deleted is distinct from true or master_record_id is not null
union all
select
    id,
    created_date,
    last_modified_date,
    email,
    phone,
    null,
    country_code,
    case when is_deleted then master_record_id else converted_contact_id end
from leads
where is_deleted is distinct from true or master_record_id is not null
order by contact_id
