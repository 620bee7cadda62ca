{{ config(schema='touched') }}

with changes as (

    select * from {{ touched_rows('int_stage_changes_derived') }}

),

bounded as (

    select
        *,
        lead(occurred_at) over (partition by person_id order by change_number) as left_at
    from changes

)

select
    {{ surrogate_key(['person_id', 'change_number']) }} as stage_interval_id,
    person_id,
    journey_id,
    to_stage as stage,
    occurred_at as entered_at,
    left_at
from bounded
where to_stage is not null
