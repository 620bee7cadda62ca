{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with changes as (

    select
        *,
        {{ business_date('occurred_at') }} as occurred_date
    from {{ ref('int_stage_changes_derived') }}
    where {{ is_touched_person('person_id') }}

),

touchpoints as (

    select * from {{ ref('int_touchpoints_numbered') }}
    where {{ is_touched_person('person_id') }}

),

mappings as (

    select * from {{ ref('int_stage_mappings_derived') }}

),

mapped as (

    select
        mappings.stage_model,
        changes.person_id,
        changes.journey_id,
        changes.touchpoint_id,
        changes.change_number,
        changes.occurred_at,
        changes.is_lapse,
        mappings.stage as to_stage,
        mappings.stage_rank as to_rank,
        max(mappings.stage_rank) over (
            partition by mappings.stage_model, changes.person_id, changes.journey_id
            order by changes.change_number
            rows between unbounded preceding and 1 preceding
        ) as highest_rank
    from changes
    inner join mappings
        on
            changes.to_stage = mappings.canonical_stage
            and changes.occurred_date >= mappings.valid_from
            and (mappings.valid_to is null or changes.occurred_date < mappings.valid_to)

),

stage_models as (

    select stage_model
    from mappings
    group by stage_model

),

-- Stages that a model holds as one are entered once.
model_changes as (

    select * exclude (highest_rank)
    from mapped
    where highest_rank is null or to_rank > highest_rank
    union all by name
    select
        stage_models.stage_model,
        changes.person_id,
        changes.journey_id,
        changes.change_number,
        changes.occurred_at,
        changes.is_lapse
    from changes
    cross join stage_models
    where changes.is_lapse

),

chained as (

    select
        *,
        row_number() over model_person as transition_number,
        lag(to_stage) over model_person as from_stage,
        lag(to_rank) over model_person as from_rank,
        lag(occurred_at) over model_person as from_entered_at
    from model_changes
    window model_person as (partition by stage_model, person_id order by change_number)

)

select
    {{ surrogate_key(['chained.stage_model', 'chained.person_id', 'chained.transition_number']) }}
        as model_transition_id,
    chained.stage_model,
    chained.person_id,
    chained.journey_id,
    chained.touchpoint_id,
    chained.from_stage,
    chained.to_stage,
    {{ stage_transition_type('chained', 'chained.transition_number') }} as transition_type,
    touchpoints.touchpoint_type,
    touchpoints.channel,
    chained.transition_number::integer as transition_number,
    case
        when chained.from_stage is not null
            then {{ seconds_between('chained.from_entered_at', 'chained.occurred_at') }}
    end::bigint as from_stage_seconds,
    chained.occurred_at
from chained
left join touchpoints on chained.touchpoint_id = touchpoints.touchpoint_id
