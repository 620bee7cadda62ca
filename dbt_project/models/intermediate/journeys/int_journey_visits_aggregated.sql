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
        touchpoints.touchpoint_type,
        touchpoints.touchpoint_number,
        touchpoints.occurred_at,
        -- A message that nobody opened is not where somebody left.
        touchpoints.is_own_act or touchpoints.touchpoint_type != 'activity' as can_be_last,
        last_value(changes.to_stage ignore nulls) over (
            partition by touchpoints.journey_id order by touchpoints.touchpoint_number
            rows between unbounded preceding and current row
        ) as stage,
        lead(touchpoints.touchpoint_type) over (
            partition by touchpoints.journey_id order by touchpoints.touchpoint_number
        ) as next_type
    from touchpoints
    left join changes on touchpoints.touchpoint_id = changes.touchpoint_id

),

visits as (

    select
        journey_id,
        stage,
        touchpoint_type,
        coalesce(max(touchpoint_number) filter (where can_be_last), 0) as last_number,
        bool_or(coalesce(next_type = 'ticket', false)) as has_ticket,
        max(occurred_at) as last_visited_at
    from ranked
    group by journey_id, stage, touchpoint_type

),

ended as (

    select
        journey_id,
        nullif(max(last_number), 0) as last_number
    from visits
    group by journey_id

)

select
    visits.journey_id,
    journeys.person_id,
    stages.stage,
    stages.stage_rank,
    visits.touchpoint_type,
    visits.last_number = ended.last_number as is_last,
    visits.has_ticket,
    journeys.persona,
    journeys.is_open,
    visits.last_visited_at
from visits
inner join ended on visits.journey_id = ended.journey_id
inner join journeys on visits.journey_id = journeys.journey_id
inner join stages on visits.stage = stages.stage
