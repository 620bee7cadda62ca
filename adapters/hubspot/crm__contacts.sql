-- A contact that HubSpot deleted is left out.
select
    id as contact_id,
    property_createdate as created_at,
    coalesce(property_lastmodifieddate, _fivetran_synced) as updated_at,
    property_email as email,
    property_phone as phone,
    property_hs_persona as persona
from contacts
where _fivetran_deleted is distinct from true
order by contact_id
