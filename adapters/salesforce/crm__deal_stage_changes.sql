-- The history has a row for each change of stage, amount, probability or close date: only rows of
-- another stage than the row before are changes of stage.
select
    id as change_id,
    opportunity_id as deal_id,
    stage_name as deal_stage,
    created_date as changed_at
from history
where is_deleted is distinct from true
qualify
    lag(stage_name) over (partition by opportunity_id order by created_date, id)
    is distinct from stage_name
order by change_id
