-- Stage ids say nothing: the label of the pipeline names the stage, where there is one.
with labels as (

    select
        stage_id,
        min(label) as label
    from pipeline_stages
    group by stage_id

),

-- A view of the user interface knows the current stage and, where it is a column of it, since when.
entered as (

    select
        deal_stages.deal_id,
        deal_stages.value,
        coalesce(labels.label, deal_stages.value) as deal_stage,
        deal_stages.date_entered as changed_at
    from deal_stages
    left join labels on deal_stages.value = labels.stage_id
    union
    select
        record_id,
        deal_stage as value,
        deal_stage,
        date_entered_current_stage
    from exported
    where deal_stage is not null and date_entered_current_stage is not null

)

select
    md5(concat_ws('|', deal_id, value, changed_at)) as change_id,
    deal_id,
    deal_stage,
    changed_at
from entered
order by change_id
