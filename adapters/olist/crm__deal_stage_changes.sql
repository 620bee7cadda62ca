select
    'won-' || closed_deals.mql_id as change_id,
    'deal-' || closed_deals.mql_id as deal_id,
    'won' as deal_stage,
    (closed_deals.won_date::timestamp at time zone 'America/Sao_Paulo')::varchar as changed_at
from closed_deals
order by closed_deals.mql_id
