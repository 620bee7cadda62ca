-- Every transition into a stage opens one stay, and the next transition of the person ends it.
with entries as (

    select
        person_id,
        to_stage,
        occurred_at,
        transition_number,
        lead(occurred_at) over (
            partition by person_id order by transition_number
        ) as next_occurred_at
    from {{ ref('fct_stage_transitions') }}

)

select
    coalesce(entries.person_id, stays.person_id) as person_id,
    entries.to_stage,
    stays.stage
from (
    select * from entries
    where to_stage is not null
) as entries
full outer join {{ ref('fct_stage_intervals') }} as stays
    on
        entries.person_id = stays.person_id
        and entries.to_stage = stays.stage
        and entries.occurred_at = stays.entered_at
        and entries.next_occurred_at is not distinct from stays.left_at
where entries.person_id is null or stays.person_id is null
