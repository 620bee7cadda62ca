with transitions as (

    select
        person_id,
        transition_number,
        from_stage,
        occurred_at,
        from_stage_seconds,
        lag(to_stage) over person_transitions as previous_to_stage,
        lag(occurred_at) over person_transitions as previous_occurred_at
    from {{ ref('fct_stage_transitions') }}
    window person_transitions as (partition by person_id order by transition_number)

)

select *
from transitions
where
    from_stage is distinct from previous_to_stage
    or occurred_at < previous_occurred_at
    or (from_stage is not null and from_stage_seconds is null)
