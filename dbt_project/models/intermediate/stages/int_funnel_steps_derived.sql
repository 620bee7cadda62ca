{{ config(schema='touched') }}

with recursive signals as (

    select * from {{ touched_rows('int_stage_signals_matched') }}

),

journey_touchpoints as (

    select * from {{ touched_rows('int_touchpoints_assigned_to_journeys') }}

),

mappings as (

    select * from {{ ref('int_stage_mappings_derived') }}

),

-- A journey's funnel has the stages of the day on which it first signalled one.
-- Materialized: else DuckDB joins every touchpoint with every mapping of its time first.
placed as materialized (

    select
        signals.person_id,
        signals.stage,
        journey_touchpoints.journey_id,
        journey_touchpoints.touchpoint_number,
        journey_touchpoints.occurred_at,
        min(signals.occurred_date) over (
            partition by journey_touchpoints.journey_id
        ) as signalled_date
    from signals
    inner join journey_touchpoints on signals.touchpoint_id = journey_touchpoints.touchpoint_id

),

all_mapped as (

    select
        mappings.stage_model,
        mappings.stage,
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
            and {{ holds_on('mappings', 'placed.signalled_date') }}

),

-- The same stage again, right after itself, can be no other step.
mapped as (

    select * from all_mapped
    where previous_rank is distinct from stage_rank

),

-- Of each place in a journey the nearest later one of the next rank.
nexts as (

    select
        mapped.stage_model,
        mapped.stage,
        mapped.stage_rank,
        mapped.person_id,
        mapped.journey_id,
        mapped.touchpoint_number,
        mapped.occurred_at,
        min(laters.touchpoint_number) as next_touchpoint_number
    from mapped
    left join mapped as laters
        on
            mapped.stage_model = laters.stage_model
            and mapped.journey_id = laters.journey_id
            and mapped.stage_rank + 1 = laters.stage_rank
            and mapped.touchpoint_number < laters.touchpoint_number
    group by
        mapped.stage_model,
        mapped.stage,
        mapped.stage_rank,
        mapped.person_id,
        mapped.journey_id,
        mapped.touchpoint_number,
        mapped.occurred_at

),

firsts as (

    select *
    from nexts
    where stage_rank = 1
    qualify row_number() over (
        partition by stage_model, journey_id
        order by touchpoint_number
    ) = 1

),

-- A step counts from the first signal after the step before it, in the order of touchpoints: of two
-- at the same instant the later one can follow the earlier one, never the other way round.
steps as (

    select
        stage_model,
        person_id,
        journey_id,
        stage_rank as step_number,
        stage,
        next_touchpoint_number,
        occurred_at as reached_at,
        occurred_at + interval '{{ var("funnel_window_days") }} days' as window_ends_at
    from firsts
    union all
    select
        nexts.stage_model,
        nexts.person_id,
        nexts.journey_id,
        nexts.stage_rank,
        nexts.stage,
        nexts.next_touchpoint_number,
        nexts.occurred_at,
        steps.window_ends_at
    from steps
    inner join nexts
        on
            steps.stage_model = nexts.stage_model
            and steps.journey_id = nexts.journey_id
            and steps.step_number + 1 = nexts.stage_rank
            and steps.next_touchpoint_number = nexts.touchpoint_number

),

-- How far the journey came in each model, in whatever order.
furthest as (

    select
        stage_model,
        journey_id,
        max(stage_rank) as furthest_rank
    from mapped
    group by stage_model, journey_id

)

select
    steps.stage_model,
    steps.person_id,
    steps.journey_id,
    steps.stage,
    steps.step_number,
    furthest.furthest_rank,
    steps.reached_at < steps.window_ends_at as is_in_window,
    steps.reached_at
from steps
inner join furthest
    on steps.stage_model = furthest.stage_model and steps.journey_id = furthest.journey_id
