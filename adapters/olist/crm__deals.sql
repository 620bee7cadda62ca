-- A closed deal is the only deal that the data knows, so it is opened and won at once. What the
-- seller pays Olist is not in the data: no amount.
select
    'deal-' || closed_deals.mql_id as deal_id,
    closed_deals.mql_id as contact_id,
    instant(closed_deals.won_date) as created_at,
    'seller_acquisition' as pipeline,
    instant(closed_deals.won_date) as closed_at,
    'won' as status
from closed_deals
order by closed_deals.mql_id
