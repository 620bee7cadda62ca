-- A ticket belongs to the first of its contacts.
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
    newest.updated_at,
    case when newest.is_deleted then coalesce(newest.updated_at, newest.opened_at) end as deleted_at
from newest
left join ticket_owners on newest.ticket_id = ticket_owners.ticket_id
order by newest.ticket_id
