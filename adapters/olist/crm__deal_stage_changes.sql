select
    'won-' || closed_deals.mql_id as change_id,
    'deal-' || closed_deals.mql_id as deal_id,
    'won' as deal_stage,
    instant(closed_deals.won_date) as changed_at
from closed_deals
order by closed_deals.mql_id
