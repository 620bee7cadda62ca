-- One without contact belongs to nobody ('unknown'). The stage says whether it was won: by its
-- pipeline, or in a view of the user interface by its name.
with stages as (

    select
        stage_id,
        bool_or(is_closed) as is_closed,
        bool_or(closed_won) as is_won
    from pipeline_stages
    group by stage_id

),

unioned as (

    select
        deals.deal_id,
        deals.property_createdate as created_at,
        deals.deal_pipeline_id as pipeline,
        deals.property_amount as amount,
        deals.property_deal_currency_code as currency_code,
        deals.property_closedate as closed_at,
        -- `closedwon` and `closedlost` are the ids of the pipeline that every account begins with.
        case
            when coalesce(stages.is_won, deals.deal_pipeline_stage_id = 'closedwon') then 'won'
            when coalesce(stages.is_closed, deals.deal_pipeline_stage_id = 'closedlost')
                then 'lost'
            else 'open'
        end as status,
        coalesce(deals.property_hs_lastmodifieddate, deals._fivetran_synced) as updated_at,
        coalesce(deals.is_deleted, false) as is_deleted,
        deals._path
    from deals
    left join stages on deals.deal_pipeline_stage_id = stages.stage_id
    union all
    -- A Japanese stage such as `受注見込み` (likely to be won) is still open.
    select
        record_id,
        create_date,
        pipeline,
        amount,
        currency,
        close_date,
        case
            when regexp_matches(deal_stage, '\blost\b|(失注|不成約|不成立)(済み?)?\s*($|[（(])', 'i')
                then 'lost'
            when regexp_matches(deal_stage, '\bwon\b|(成約|受注)(済み?|完了)?\s*($|[（(])', 'i')
                then 'won'
            else 'open'
        end,
        last_modified_date,
        false,
        _path
    from exported
    where coalesce(deal_name, deal_stage) is not null

),

newest as (

    select *
    from unioned
    qualify
        row_number() over (
            partition by deal_id
            order by updated_at desc nulls last, file_order(_path) desc, is_deleted
        ) = 1

)

select
    newest.deal_id,
    coalesce(deal_owners.contact_id, 'unknown') as contact_id,
    newest.created_at,
    newest.pipeline,
    money(newest.amount, newest.currency_code) as amount,
    newest.currency_code,
    newest.closed_at,
    newest.status,
    newest.updated_at,
    case when newest.is_deleted then coalesce(newest.updated_at, newest.created_at) end
        as deleted_at
from newest
left join deal_owners on newest.deal_id = deal_owners.deal_id
order by newest.deal_id
