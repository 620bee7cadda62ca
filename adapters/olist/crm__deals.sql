-- A closed deal is the only deal that the data knows, so it is opened and won at once. What the
-- seller pays Olist is not in the data: no amount.
select
    'deal-' || closed_deals.mql_id as deal_id,
    closed_deals.mql_id as contact_id,
    (closed_deals.won_date::timestamp at time zone 'America/Sao_Paulo')::varchar as created_at,
    'seller_acquisition' as pipeline,
    (closed_deals.won_date::timestamp at time zone 'America/Sao_Paulo')::varchar as closed_at,
    'won' as status
from closed_deals
order by closed_deals.mql_id
