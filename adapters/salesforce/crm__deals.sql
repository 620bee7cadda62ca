with primary_contacts as (

    select
        opportunity_id as deal_id,
        arg_min(contact_id, (is_primary is distinct from true, contact_id))
            as contact_id
    from contact_roles
    where is_deleted is distinct from true
    group by opportunity_id

)

select
    opportunities.id as deal_id,
    coalesce(primary_contacts.contact_id, opportunities.contact_id, 'unknown') as contact_id,
    opportunities.created_date as created_at,
    opportunities.type as pipeline,
    money(opportunities.amount, opportunities.currency_iso_code) as amount,
    opportunities.currency_iso_code as currency_code,
    opportunities.close_date as closed_at,
    case
        when opportunities.is_won then 'won'
        when opportunities.is_closed then 'lost'
        else 'open'
    end as status,
    opportunities.last_modified_date as updated_at,
    case
        when opportunities.is_deleted
            then coalesce(opportunities.last_modified_date, opportunities.created_date)
    end as deleted_at
from opportunities
left join primary_contacts on opportunities.id = primary_contacts.deal_id
order by deal_id
