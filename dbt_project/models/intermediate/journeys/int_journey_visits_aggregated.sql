{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with changes as (

    select * from {{ touched_rows('int_stage_changes_derived') }}

),

touchpoints as (

    select * from {{ touched_rows('fct_touchpoints') }}
    where journey_id is not null

),

journeys as (

    select * from {{ touched_rows('fct_journeys') }}

),

stages as (

    select * from {{ ref('dim_stages') }}
    where stage_model = {{ canonical_stage_model() }}

),

-- The stage that a journey is in at each touchpoint: the last one it rose to.
ranked as (

    select
        touchpoints.journey_id,
        touchpoints.person_id,
        touchpoints.touchpoint_type,
        touchpoints.occurred_at,
        last_value(changes.to_stage ignore nulls) over journey_so_far as stage,
        lead(touchpoints.touchpoint_type) over journey_order as next_type,
        -- A message that nobody opened is not where somebody left.
        touchpoints.touchpoint_number = max(touchpoints.touchpoint_number) filter (
            where touchpoints.is_own_act or touchpoints.touchpoint_type != 'activity'
        ) over journey as is_last
    from touchpoints
    left join changes on touchpoints.touchpoint_id = changes.touchpoint_id
    window
        journey as (partition by touchpoints.journey_id),
        journey_order as (
            partition by touchpoints.journey_id order by touchpoints.touchpoint_number
        ),
        journey_so_far as (
            partition by touchpoints.journey_id order by touchpoints.touchpoint_number
            rows between unbounded preceding and current row
        )

)

select
    ranked.journey_id,
    ranked.person_id,
    stages.stage,
    stages.stage_rank,
    ranked.touchpoint_type,
    bool_or(ranked.is_last) as is_last,
    bool_or(coalesce(ranked.next_type = 'ticket', false)) as has_ticket,
    journeys.persona,
    journeys.is_open,
    max(ranked.occurred_at) as last_visited_at
from ranked
inner join journeys on ranked.journey_id = journeys.journey_id
inner join stages on ranked.stage = stages.stage
group by
    ranked.journey_id,
    ranked.person_id,
    stages.stage,
    stages.stage_rank,
    ranked.touchpoint_type,
    journeys.persona,
    journeys.is_open
