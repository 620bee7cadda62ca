with source as (

    select * from {{ source('raw_crm', 'tickets') }}

),

newest as (

    select *
    from source
    qualify {{ is_newest_version(['ticket_id'], 'updated_at') }}

)

select
    ticket_id,
    contact_id,
    email as email_hash,
    lower(ticket_channel) as ticket_channel,
    lower(category) as ticket_category,
    lower(priority) as ticket_priority,
    handled_by,
    lower(topic) as topic,
    sentiment,
    {{ is_known('opened_at') }} as is_known,
    opened_at,
    {{ known_at('first_responded_at') }} as first_responded_at,
    {{ known_at('resolved_at') }} as resolved_at
from newest
where not coalesce({{ is_known('deleted_at') }}, false)
