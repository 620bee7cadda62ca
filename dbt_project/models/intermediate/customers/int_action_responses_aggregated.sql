with contacts as (

    select * from {{ ref('int_action_contacts_matched') }}

)

select
    action,
    response_segment,
    count(*) filter (where not is_listed)::integer as contacted_count,
    count(*) filter (where not is_listed and has_response)::integer as responded_count,
    count(*) filter (where is_listed and not is_hold_out)::integer as offered_count,
    count(*) filter (where is_listed and not is_hold_out and has_response)::integer
        as offered_response_count,
    count(*) filter (where is_hold_out)::integer as held_out_count,
    count(*) filter (where is_hold_out and has_response)::integer as held_out_response_count
from contacts
group by action, response_segment
