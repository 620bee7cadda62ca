with transitions as (

    select
        *,
        lag(to_stage) over model_person as previous_to_stage,
        lag(occurred_at) over model_person as previous_occurred_at
    from {{ ref('fct_stage_model_transitions') }}
    window model_person as (partition by stage_model, person_id order by transition_number)

)

select model_transition_id
from transitions
where
    from_stage is distinct from previous_to_stage
    or occurred_at < previous_occurred_at
union all
-- The six-stage model is the canonical one.
select coalesce(models.model_transition_id, canonical.transition_id)
from (
    select * from {{ ref('fct_stage_model_transitions') }}
    where stage_model = 'six'
) as models
full outer join {{ ref('fct_stage_transitions') }} as canonical
    on
        models.person_id = canonical.person_id
        and models.transition_number = canonical.transition_number
        and models.occurred_at = canonical.occurred_at
        and models.transition_type = canonical.transition_type
        and coalesce(models.to_stage, '') = coalesce(canonical.to_stage, '')
where models.person_id is null or canonical.person_id is null
