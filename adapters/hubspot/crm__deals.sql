-- One without contact belongs to nobody ('unknown'). Whether it was won, HubSpot's own flags say,
-- else its stage: by its pipeline, or in a view of the user interface by its name. A deal that was
-- merged into another is that deal.
with stages as (

    -- Both columns were the connector's word for a closed stage: the probability of one that is
    -- closed says how it ended.
    select
        stage_id,
        bool_or(coalesce(is_closed, closed_won)) as is_closed,
        bool_or(
            case
                when probability is null then closed_won
                else coalesce(is_closed, closed_won) and probability > 0
            end
        ) as is_won
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
            when
                coalesce(
                    deals.property_hs_is_closed_won, stages.is_won,
                    deals.deal_pipeline_stage_id = 'closedwon'
                )
                then 'won'
            when
                coalesce(
                    deals.property_hs_is_closed, stages.is_closed,
                    deals.deal_pipeline_stage_id = 'closedlost'
                )
                then 'lost'
            else 'open'
        end as status,
        coalesce(deals.property_hs_lastmodifieddate, deals._fivetran_synced) as updated_at,
        coalesce(deals.is_deleted, false) as is_deleted,
        deals.property_hs_merged_object_ids as merged_ids,
        deals._path
    from deals
    left join stages on deals.deal_pipeline_stage_id = stages.stage_id
    union all
    -- A stage such as `受注見込み` (likely to be won), `Won't buy` or `Not won yet` is still open.
    select
        record_id,
        create_date,
        pipeline,
        amount,
        currency,
        close_date,
        case
            when is_closed_won then 'won'
            when coalesce(is_closed_lost, is_deal_closed and not is_closed_won) then 'lost'
            when coalesce(not is_deal_closed, not is_closed_won and not is_closed_lost) then 'open'
            when regexp_matches(deal_stage, '\blost\b|(失注|不成約|不成立)(済み?)?\s*($|[（(])', 'i')
                then 'lost'
            when regexp_matches(deal_stage, '\b(not|never|be|almost|nearly|yet)\b.*\bwon\b', 'i')
                then 'open'
            when
                regexp_matches(
                    deal_stage, '\bwon($|[^a-z''’])|(成約|受注)(済み?|完了)?\s*($|[（(])', 'i'
                )
                then 'won'
            else 'open'
        end,
        last_modified_date,
        false,
        merged_ids,
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

),

merged as (

    select
        trim(unnest(string_split(merged_ids, ';'))) as merged_id,
        deal_id as survivor_id
    from unioned
    union
    select
        merged_deal_id,
        deal_id
    from merged_deals

),

deal_merges as (

    select
        merged.merged_id,
        min(newest.created_at) as created_at,
        max(newest.updated_at) as updated_at
    from merged
    left join newest on merged.survivor_id = newest.deal_id
    where merged.merged_id not in ('', merged.survivor_id)
    group by merged.merged_id

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
    greatest(newest.updated_at, deal_merges.updated_at) as updated_at,
    case
        when newest.is_deleted or deal_merges.merged_id is not null
            then coalesce(greatest(newest.updated_at, deal_merges.updated_at), newest.created_at)
    end as deleted_at
from newest
left join deal_owners on newest.deal_id = deal_owners.deal_id
left join deal_merges on newest.deal_id = deal_merges.merged_id
union all
-- Views leave out what was merged: an import before may have brought it.
select
    merged_id,
    'unknown',
    created_at,
    null,
    null,
    null,
    null,
    'open',
    updated_at,
    coalesce(updated_at, created_at)
from deal_merges
where created_at is not null and merged_id not in (select newest.deal_id from newest)
order by deal_id
