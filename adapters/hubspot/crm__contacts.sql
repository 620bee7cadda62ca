-- Times are UTC. A contact that HubSpot deleted is left out.
select
    id as contact_id,
    property_createdate || 'Z' as created_at,
    coalesce(property_lastmodifieddate, _fivetran_synced) || 'Z' as updated_at,
    property_email as email,
    property_phone as phone,
    property_hs_persona as persona
from contacts
where coalesce(lower(_fivetran_deleted), 'false') != 'true'
order by contact_id
