-- A contact that HubSpot deleted is left out, but for one that a merge deleted: it is the contact
-- that it was merged into. Each further address of a contact brings one that is the same person.
with listed as (

    select
        id,
        string_split(arg_max(further_emails, (updated_at, file_order(_path))), ';') as emails
    from contact_rows
    where further_emails is not null
    group by id

),

further as (

    select
        newest_contacts.id,
        newest_contacts.created_at,
        newest_contacts.updated_at,
        trim(unnest(listed.emails)) as email,
        generate_subscripts(listed.emails, 1) as place
    from newest_contacts
    inner join listed on newest_contacts.id = listed.id
    where not newest_contacts.is_deleted

)

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
union all
select
    further.id || '-email-' || further.place,
    further.created_at,
    further.updated_at,
    further.email,
    null,
    null,
    further.id
from further
where further.email != ''
order by contact_id
