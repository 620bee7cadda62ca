{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with changes as (

    select * from {{ touched_rows('int_stage_changes_derived') }}

),

touchpoints as (

    select * from {{ touched_rows('int_touchpoints_numbered') }}

),

chained as (

    select
        *,
        lag(to_stage) over person_changes as from_stage,
        lag(occurred_at) over person_changes as from_entered_at
    from changes
    window person_changes as (partition by person_id order by change_number)

)

select
    {{ surrogate_key(['chained.person_id', 'chained.change_number']) }} as transition_id,
    chained.person_id,
    chained.journey_id,
    chained.touchpoint_id,
    chained.from_stage,
    chained.to_stage,
    {{ stage_transition_type('chained', 'chained.change_number') }} as transition_type,
    touchpoints.channel,
    chained.change_number::integer as transition_number,
    case
        when chained.from_stage is not null
            then {{ seconds_between('chained.from_entered_at', 'chained.occurred_at') }}
    end::bigint as from_stage_seconds,
    {{ business_date('chained.occurred_at') }} as occurred_date,
    chained.occurred_at
from chained
left join touchpoints on chained.touchpoint_id = touchpoints.touchpoint_id
