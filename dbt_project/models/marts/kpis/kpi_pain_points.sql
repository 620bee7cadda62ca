with visits as (

    select * from {{ ref('int_journey_visits_aggregated') }}

),

stages as (

    select * from {{ ref('dim_stages') }}
    where stage_model = 'six'

),

journeys as (

    select * from {{ ref('fct_journeys') }}

),

survey_scores as (

    select * from {{ ref('fct_survey_scores') }}

),

deviations as (

    select * from {{ ref('int_journey_deviations_described') }}
    where aspect = 'stage' and is_first_of_step and not is_open

),

alignments as (

    select * from {{ ref('fct_journey_alignments') }}
    where is_map_in_force and aspect = 'stage' and not is_open

),

weights as (

    select
        max(weight) filter (where component = 'dropoff') as dropoff_weight,
        max(weight) filter (where component = 'dissatisfaction') as dissatisfaction_weight,
        max(weight) filter (where component = 'ticket') as ticket_weight,
        max(weight) filter (where component = 'deviation') as deviation_weight
    from {{ ref('pain_weights') }}

),

-- Leaving: the journey ended here, and in the stage that it never went beyond.
visited as (

    select
        stage,
        stage_rank,
        touchpoint_type,
        persona,
        count(*) as journey_count,
        count(*) filter (where is_last and not is_open) as dropoff_count,
        count(*) filter (where has_ticket) as ticket_count
    from visits
    group by stage, stage_rank, touchpoint_type, persona

),

-- What a journey that goes beyond the stage pays more than one that ends in it, among its like.
ended as (

    select
        stages.stage,
        journeys.persona,
        greatest(
            0,
            avg(journeys.paid_amount_reporting) filter (
                where reached.stage_rank > stages.stage_rank
            )
            - avg(journeys.paid_amount_reporting) filter (
                where reached.stage_rank = stages.stage_rank
            )
        ) as lost_amount
    from journeys
    inner join stages as reached on journeys.last_stage = reached.stage
    inner join stages on reached.stage_rank >= stages.stage_rank
    where not journeys.is_open
    group by stages.stage, journeys.persona

),

summed as (

    select
        visited.stage,
        visited.stage_rank,
        visited.touchpoint_type,
        sum(visited.journey_count) as journey_count,
        sum(visited.dropoff_count) as dropoff_count,
        sum(visited.ticket_count) as ticket_count,
        sum(
            round(visited.dropoff_count * coalesce(ended.lost_amount, 0), 2)::decimal(18, 3)
        ) as at_stake
    from visited
    left join ended on visited.stage = ended.stage and visited.persona = ended.persona
    group by visited.stage, visited.stage_rank, visited.touchpoint_type

),

dissatisfied as (

    select
        coalesce(question_stage, stage_at_answer) as stage,
        touchpoint_type,
        count(*) as answer_count,
        count(*) filter (
            where is_at_risk
        ) as dissatisfied_count
    from survey_scores
    where touchpoint_type is not null
    group by coalesce(question_stage, stage_at_answer), touchpoint_type

),

deviating as (

    select
        step as stage,
        count(*) as deviating_count
    from deviations
    group by step

),

aligned as (

    select count(*) as aligned_count from alignments

),

joined as (

    select
        summed.*,
        coalesce(dissatisfied.answer_count, 0) as answer_count,
        summed.dropoff_count::double / summed.journey_count as dropoff_rate,
        case
            when dissatisfied.answer_count >= {{ var('minimum_answers') }}
                then dissatisfied.dissatisfied_count::double / dissatisfied.answer_count
        end as dissatisfaction_rate,
        summed.ticket_count::double / summed.journey_count as ticket_rate,
        coalesce(deviating.deviating_count, 0)::double / nullif(aligned.aligned_count, 0)
            as deviation_rate
    from summed
    cross join aligned
    left join dissatisfied
        on
            summed.stage = dissatisfied.stage
            and summed.touchpoint_type = dissatisfied.touchpoint_type
    left join deviating on summed.stage = deviating.stage

),

scored as (

    select
        joined.*,
        round(
            joined.at_stake::double
            * (
                weights.dropoff_weight * joined.dropoff_rate
                + weights.dissatisfaction_weight * coalesce(joined.dissatisfaction_rate, 0)
                + weights.ticket_weight * joined.ticket_rate
                + weights.deviation_weight * coalesce(joined.deviation_rate, 0)
            )
            / (
                weights.dropoff_weight
                + weights.dissatisfaction_weight
                + weights.ticket_weight
                + weights.deviation_weight
            ), 2
        ) as priority_score
    from joined
    cross join weights

)

select
    {{ surrogate_key(['stage', 'touchpoint_type']) }} as pain_point_id,
    stage,
    touchpoint_type,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    at_stake::decimal(18, 3) as at_stake_amount_reporting,
    journey_count::integer as journey_count,
    dropoff_count::integer as dropoff_count,
    ticket_count::integer as ticket_count,
    answer_count::integer as answer_count,
    row_number() over (
        order by priority_score desc, dropoff_count desc, stage_rank asc, touchpoint_type asc
    )::integer as priority_rank,
    round(dropoff_rate, 6)::double as dropoff_rate,
    round(dissatisfaction_rate, 6)::double as dissatisfaction_rate,
    round(ticket_rate, 6)::double as ticket_raised_rate,
    round(deviation_rate, 6)::double as deviation_rate,
    priority_score::double as priority_score
from scored
