-- Stage ids say nothing: the label of the pipeline names the stage, where there is one.
with labels as (

    select
        stage_id,
        min(label) as label
    from pipeline_stages
    group by stage_id

)

select
    md5(concat_ws('|', deal_stages.deal_id, deal_stages.value, deal_stages.date_entered))
        as change_id,
    deal_stages.deal_id,
    coalesce(labels.label, deal_stages.value) as deal_stage,
    deal_stages.date_entered as changed_at
from deal_stages
left join labels on deal_stages.value = labels.stage_id
order by change_id
