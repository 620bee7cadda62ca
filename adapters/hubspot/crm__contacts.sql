-- A contact that HubSpot deleted is left out, but for one that a merge deleted: it is the contact
-- that it was merged into.
select
    newest_contacts.id as contact_id,
    newest_contacts.created_at,
    newest_contacts.updated_at,
    newest_contacts.email,
    newest_contacts.phone,
    newest_contacts.persona,
    survivors.survivor_id as merged_into_contact_id
from newest_contacts
left join survivors on newest_contacts.id = survivors.merged_id
where not newest_contacts.is_deleted or survivors.survivor_id is not null
union all
select
    survivors.merged_id,
    newest_contacts.created_at,
    newest_contacts.updated_at,
    null,
    null,
    null,
    survivors.survivor_id
from survivors
inner join newest_contacts on survivors.survivor_id = newest_contacts.id
where survivors.merged_id not in (select known.id from newest_contacts as known)
order by contact_id
