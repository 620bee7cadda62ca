with primary_contacts as (

    select
        opportunity_id as deal_id,
        arg_min(contact_id, (lower(is_primary) is distinct from 'true', contact_id))
            as contact_id
    from contact_roles
    where coalesce(lower(is_deleted), 'false') != 'true'
    group by opportunity_id

)

select
    opportunities.id as deal_id,
    coalesce(primary_contacts.contact_id, opportunities.contact_id, 'unknown') as contact_id,
    opportunities.created_date as created_at,
    opportunities.type as pipeline,
    round(opportunities.amount::decimal(24, 6), 2)::varchar as amount,
    opportunities.currency_iso_code as currency_code,
    opportunities.close_date as closed_at,
    case
        when lower(opportunities.is_won) = 'true' then 'won'
        when lower(opportunities.is_closed) = 'true' then 'lost'
        else 'open'
    end as status
from opportunities
left join primary_contacts on opportunities.id = primary_contacts.deal_id
where coalesce(lower(opportunities.is_deleted), 'false') != 'true'
order by deal_id
