-- A deal belongs to the first of its contacts; one without contact belongs to nobody ('unknown').
with first_contacts as (

    select
        deal_id,
        min(contact_id) as contact_id
    from deal_contacts
    group by deal_id

),

stages as (

    select
        stage_id,
        bool_or(is_closed) as is_closed,
        bool_or(closed_won) as is_won
    from pipeline_stages
    group by stage_id

)

select
    deals.deal_id,
    coalesce(first_contacts.contact_id, 'unknown') as contact_id,
    deals.property_createdate as created_at,
    deals.deal_pipeline_id as pipeline,
    money(deals.property_amount, deals.property_deal_currency_code) as amount,
    deals.property_deal_currency_code as currency_code,
    deals.property_closedate as closed_at,
    case
        when stages.is_won then 'won'
        when stages.is_closed then 'lost'
        else 'open'
    end as status
from deals
left join first_contacts on deals.deal_id = first_contacts.deal_id
left join stages on deals.deal_pipeline_stage_id = stages.stage_id
where deals.is_deleted is distinct from true
order by deals.deal_id
