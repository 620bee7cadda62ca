-- Objects of the connector's tables and of the user interface's exports, the newest state of each,
-- and the contacts that merges made one.

create view contact_rows as
select
    id,
    property_createdate as created_at,
    coalesce(property_lastmodifieddate, _fivetran_synced) as updated_at,
    property_email as email,
    property_phone as phone,
    property_hs_persona as persona,
    coalesce(_fivetran_deleted, false) as is_deleted,
    concat_ws(';', property_hs_calculated_merged_vids, property_hs_merged_object_ids) as merged_ids,
    property_hs_additional_emails as further_emails,
    _path
from contacts
union all
select
    record_id,
    create_date,
    last_modified_date,
    email,
    phone_number,
    persona,
    false,
    merged_ids,
    additional_email_addresses,
    _path
from exported
where
    coalesce(deal_name, deal_stage, ticket_name) is null
    -- A view of companies has a name and a phone number, too.
    and (
        coalesce(email, first_name, last_name, merged_ids) is not null
        or company_name is null
    );

create view newest_contacts as
select *
from contact_rows
where id is not null
qualify
    row_number() over (
        partition by id order by updated_at desc nulls last, file_order(_path) desc, is_deleted
    ) = 1;

-- `102:1780272000000;103:…` or `102;103`: who was merged into the contact; the audit says so, too.
create view contact_merges as
with listed as (

    select
        id,
        unnest(string_split(merged_ids, ';')) as merged
    from contact_rows

)

select distinct
    trim(split_part(merged, ':', 1)) as merged_id,
    id as survivor_id
from listed
where trim(split_part(merged, ':', 1)) not in ('', id)
union
select
    vid_to_merge,
    canonical_vid
from merge_audits
where vid_to_merge != canonical_vid;

-- Who is merged may have been merged into by others: the last survivor is who remains.
create view survivors as
with recursive chains as (

    select
        merged_id,
        survivor_id,
        1 as step
    from contact_merges
    union
    select
        chains.merged_id,
        contact_merges.survivor_id,
        chains.step + 1
    from chains
    inner join contact_merges on chains.survivor_id = contact_merges.merged_id
    where chains.step < 20

)

select
    merged_id,
    arg_max(survivor_id, (step, survivor_id)) as survivor_id
from chains
group by merged_id
having merged_id != arg_max(survivor_id, (step, survivor_id));

-- A deal belongs to the first of its contacts.
create view deal_owners as
with linked as (

    select
        deal_id,
        contact_id
    from deal_contacts
    union all
    select
        record_id,
        trim(unnest(string_split(associated_contact_ids, ';')))
    from exported
    where coalesce(deal_name, deal_stage) is not null

)

select
    linked.deal_id,
    min(coalesce(survivors.survivor_id, linked.contact_id)) as contact_id
from linked
left join survivors on linked.contact_id = survivors.merged_id
where linked.contact_id != ''
group by linked.deal_id;

create view ticket_owners as
with linked as (

    select
        ticket_id,
        contact_id
    from ticket_contacts
    union all
    select
        record_id,
        trim(unnest(string_split(associated_contact_ids, ';')))
    from exported
    where ticket_name is not null

)

select
    linked.ticket_id,
    min(coalesce(survivors.survivor_id, linked.contact_id)) as contact_id
from linked
left join survivors on linked.contact_id = survivors.merged_id
where linked.contact_id != ''
group by linked.ticket_id;
