select
    id as ticket_id,
    created_date as opened_at,
    contact_id,
    supplied_email as email,
    closed_date as resolved_at,
    origin as ticket_channel,
    type as category,
    priority,
    reason as topic,
    last_modified_date as updated_at,
    case when is_deleted then coalesce(last_modified_date, created_date) end as deleted_at
from cases
order by ticket_id
