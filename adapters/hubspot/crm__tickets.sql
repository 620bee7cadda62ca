with first_contacts as (

    select
        ticket_id,
        min(contact_id) as contact_id
    from ticket_contacts
    group by ticket_id

)

select
    tickets.id as ticket_id,
    tickets.property_createdate as opened_at,
    first_contacts.contact_id,
    tickets.property_first_agent_reply_date as first_responded_at,
    tickets.property_closed_date as resolved_at,
    tickets.property_hs_ticket_category as category,
    tickets.property_hs_ticket_priority as priority
from tickets
left join first_contacts on tickets.id = first_contacts.ticket_id
where tickets.is_deleted is distinct from true
order by ticket_id
