{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with changes as (

    select
        *,
        {{ business_date('occurred_at') }} as occurred_date
    from {{ touched_rows('int_stage_changes_derived') }}

),

touchpoints as (

    select * from {{ touched_rows('int_touchpoints_numbered') }}

),

personas as (

    select
        person_id,
        persona
    from {{ touched_rows('int_persons_described') }}

),

mappings as (

    select * from {{ ref('int_stage_mappings_derived') }}

),

-- Each change under the mapping of its own day and of every later period: stages are compared as
-- they stand on the day of the later change.
mapped as (

    select
        mappings.stage_model,
        changes.person_id,
        changes.journey_id,
        changes.touchpoint_id,
        changes.change_number,
        changes.occurred_at,
        changes.occurred_date,
        changes.is_lapse,
        mappings.stage as to_stage,
        mappings.stage_rank as to_rank,
        changes.occurred_date >= mappings.valid_from as is_of_its_day,
        max(mappings.stage_rank) over (
            partition by
                mappings.stage_model, mappings.valid_from, changes.person_id, changes.journey_id
            order by changes.change_number
            rows between unbounded preceding and 1 preceding
        ) as from_rank
    from changes
    inner join mappings
        on
            changes.to_stage = mappings.canonical_stage
            and (mappings.valid_to is null or changes.occurred_date < mappings.valid_to)

),

stage_models as (

    select stage_model
    from mappings
    group by stage_model

),

-- Stages that a model holds as one are entered once.
model_changes as (

    select *
    from mapped
    where is_of_its_day and (from_rank is null or to_rank > from_rank)
    union all by name
    select
        stage_models.stage_model,
        changes.person_id,
        changes.journey_id,
        changes.change_number,
        changes.occurred_at,
        changes.occurred_date,
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
        lag(occurred_at) over model_person as from_entered_at
    from model_changes
    window model_person as (partition by stage_model, person_id order by change_number)

),

typed as (

    select
        chained.*,
        {{ stage_transition_type('chained', 'chained.transition_number') }} as transition_type,
        {{ month_start_date('chained.occurred_date') }} as occurred_month
    from chained

),

placed as (

    select
        typed.*,
        touchpoints.touchpoint_type,
        touchpoints.channel,
        coalesce(personas.persona, '(not set)') as persona
    from typed
    left join touchpoints on typed.touchpoint_id = touchpoints.touchpoint_id
    left join personas on typed.person_id = personas.person_id

)

select
    {{ surrogate_key(['stage_model', 'person_id', 'transition_number']) }} as model_transition_id,
    stage_model,
    person_id,
    journey_id,
    touchpoint_id,
    from_stage,
    to_stage,
    transition_type,
    touchpoint_type,
    channel,
    persona,
    transition_number::integer as transition_number,
    case
        when from_stage is not null
            then {{ seconds_between('from_entered_at', 'occurred_at') }}
    end::bigint as from_stage_seconds,
    row_number() over (
        partition by stage_model, person_id, occurred_month, from_stage, to_stage, transition_type
        order by transition_number
    ) = 1 as is_first_of_month,
    row_number() over (
        partition by
            stage_model, person_id, occurred_month, from_stage, to_stage, transition_type, channel
        order by transition_number
    ) = 1 as is_first_of_month_and_channel,
    occurred_date,
    occurred_at
from placed
