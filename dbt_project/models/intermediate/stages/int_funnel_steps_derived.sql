{{ config(schema='touched') }}

with recursive signals as (

    select * from {{ touched_rows('int_stage_signals_matched') }}

),

journey_touchpoints as (

    select
        *,
        {{ business_date('occurred_at') }} as occurred_date
    from {{ touched_rows('int_touchpoints_assigned_to_journeys') }}

),

mappings as (

    select * from {{ ref('int_stage_mappings_derived') }}

),

-- Materialized: else DuckDB joins every touchpoint with every mapping of its time first.
placed as materialized (

    select
        signals.person_id,
        signals.stage,
        journey_touchpoints.journey_id,
        journey_touchpoints.touchpoint_number,
        journey_touchpoints.occurred_date,
        journey_touchpoints.occurred_at
    from signals
    inner join journey_touchpoints on signals.touchpoint_id = journey_touchpoints.touchpoint_id

),

all_mapped as (

    select
        mappings.stage_model,
        mappings.stage_rank,
        placed.person_id,
        placed.journey_id,
        placed.touchpoint_number,
        placed.occurred_at,
        lag(mappings.stage_rank) over (
            partition by mappings.stage_model, placed.journey_id
            order by placed.touchpoint_number
        ) as previous_rank
    from placed
    inner join mappings
        on
            placed.stage = mappings.canonical_stage
            and placed.occurred_date >= mappings.valid_from
            and (mappings.valid_to is null or placed.occurred_date < mappings.valid_to)

),

-- The same stage again, right after itself, can be no other step.
mapped as (

    select * from all_mapped
    where previous_rank is distinct from stage_rank

),

-- A step counts from the first signal after the step before it, in the order of touchpoints: of two
-- at the same instant the later one can follow the earlier one, never the other way round.
steps as (

    select
        stage_model,
        person_id,
        journey_id,
        stage_rank as step_number,
        min(touchpoint_number) as touchpoint_number,
        min(occurred_at) as reached_at,
        min(occurred_at) + interval '{{ var("funnel_window_days") }} days' as window_ends_at
    from mapped
    where stage_rank = 1
    group by stage_model, person_id, journey_id, stage_rank
    union all
    select
        steps.stage_model,
        steps.person_id,
        steps.journey_id,
        mapped.stage_rank,
        min(mapped.touchpoint_number),
        min(mapped.occurred_at),
        steps.window_ends_at
    from steps
    inner join mapped
        on
            steps.stage_model = mapped.stage_model
            and steps.journey_id = mapped.journey_id
            and steps.step_number + 1 = mapped.stage_rank
            and steps.touchpoint_number < mapped.touchpoint_number
    group by
        steps.stage_model,
        steps.person_id,
        steps.journey_id,
        mapped.stage_rank,
        steps.window_ends_at

)

select
    stage_model,
    person_id,
    journey_id,
    step_number,
    reached_at < window_ends_at as is_in_window,
    reached_at
from steps
