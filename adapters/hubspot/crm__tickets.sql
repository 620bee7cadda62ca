-- A ticket belongs to the first of its contacts; one that was merged into another is that ticket.
with unioned as (

    select
        id as ticket_id,
        property_createdate as opened_at,
        property_first_agent_reply_date as first_responded_at,
        property_closed_date as resolved_at,
        property_source_type as ticket_channel,
        property_hs_ticket_category as category,
        property_hs_ticket_priority as priority,
        coalesce(property_hs_lastmodifieddate, _fivetran_synced) as updated_at,
        coalesce(is_deleted, false) as is_deleted,
        property_hs_merged_object_ids as merged_ids,
        _path
    from tickets
    union all
    select
        record_id,
        create_date,
        null,
        close_date,
        source,
        category,
        priority,
        last_modified_date,
        false,
        merged_ids,
        _path
    from exported
    where ticket_name is not null

),

newest as (

    select *
    from unioned
    qualify
        row_number() over (
            partition by ticket_id
            order by updated_at desc nulls last, file_order(_path) desc, is_deleted
        ) = 1

),

merged as (

    select
        trim(unnest(string_split(merged_ids, ';'))) as merged_id,
        ticket_id as survivor_id
    from unioned

),

ticket_merges as (

    select
        merged.merged_id,
        min(newest.opened_at) as opened_at,
        max(newest.updated_at) as updated_at
    from merged
    inner join newest on merged.survivor_id = newest.ticket_id
    where merged.merged_id not in ('', merged.survivor_id)
    group by merged.merged_id

)

select
    newest.ticket_id,
    newest.opened_at,
    ticket_owners.contact_id,
    newest.first_responded_at,
    newest.resolved_at,
    newest.ticket_channel,
    newest.category,
    newest.priority,
    greatest(newest.updated_at, ticket_merges.updated_at) as updated_at,
    case
        when newest.is_deleted or ticket_merges.merged_id is not null
            then coalesce(greatest(newest.updated_at, ticket_merges.updated_at), newest.opened_at)
    end as deleted_at
from newest
left join ticket_owners on newest.ticket_id = ticket_owners.ticket_id
left join ticket_merges on newest.ticket_id = ticket_merges.merged_id
union all
-- Views leave out what was merged: an import before may have brought it.
select
    merged_id,
    opened_at,
    null,
    null,
    null,
    null,
    null,
    null,
    updated_at,
    coalesce(updated_at, opened_at)
from ticket_merges
where merged_id not in (select newest.ticket_id from newest)
order by ticket_id
