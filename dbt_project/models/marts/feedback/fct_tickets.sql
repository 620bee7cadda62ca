with tickets as (

    select * from {{ ref('stg_crm__tickets') }}
    where is_known

),

touchpoints as (

    select * from {{ ref('fct_touchpoints') }}
    where ticket_id is not null

)

-- What is answered or resolved before it was opened says nothing of how long it took.
select
    tickets.ticket_id,
    touchpoints.person_id,
    coalesce(touchpoints.persona, '(not set)') as persona,
    tickets.ticket_channel,
    tickets.ticket_category,
    tickets.ticket_priority,
    tickets.handled_by,
    tickets.topic,
    tickets.sentiment,
    case
        when tickets.first_responded_at >= tickets.opened_at
            then {{ seconds_between('tickets.opened_at', 'tickets.first_responded_at') }}
    end::bigint as first_response_seconds,
    case
        when tickets.resolved_at >= tickets.opened_at
            then {{ seconds_between('tickets.opened_at', 'tickets.resolved_at') }}
    end::bigint as resolution_seconds,
    tickets.resolved_at is not null as is_resolved,
    {{ business_date('tickets.opened_at') }} as opened_date,
    {{ business_date('tickets.first_responded_at') }} as first_responded_date,
    {{ business_date('tickets.resolved_at') }} as resolved_date,
    tickets.opened_at,
    tickets.first_responded_at,
    tickets.resolved_at
from tickets
left join touchpoints on tickets.ticket_id = touchpoints.ticket_id
