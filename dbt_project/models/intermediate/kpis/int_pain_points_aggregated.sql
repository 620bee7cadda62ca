with visits as (

    select
        visits.*,
        {{ month_start_date(business_date('visits.last_visited_at')) }} as month_start_date
    from {{ ref('int_journey_visits_aggregated') }} as visits
    inner join {{ ref('touchpoint_types') }} as touchpoint_types
        on visits.touchpoint_type = touchpoint_types.touchpoint_type
    -- Somebody may leave after a step of the company, but it is no pain.
    where touchpoint_types.is_pain

),

stages as (

    select * from {{ ref('dim_stages') }}
    where stage_model = {{ canonical_stage_model() }}

),

journeys as (

    select * from {{ ref('fct_journeys') }}

),

survey_scores as (

    select * from {{ ref('fct_survey_scores') }}
    where touchpoint_type is not null

),

contacts as (

    select * from {{ ref('int_contacts_resolved_to_persons') }}

),

rates as (

    select *
    from {{ ref('currency_rates') }}
    where reporting_currency_code = {{ reporting_currency() }}

),

won_deals as (

    select
        *,
        {{ business_date('closed_at') }} as closed_date
    from {{ ref('stg_crm__deals') }}
    where is_known and deal_status = 'won' and closed_at is not null

),

-- Where a person has no orders, what was agreed in deals is what the person is worth.
deals as (

    select
        contacts.person_id,
        won_deals.closed_at,
        won_deals.deal_amount * {{ reporting_rate('won_deals.currency_code') }}
            as deal_amount_reporting
    from won_deals
    inner join contacts on won_deals.contact_id = contacts.contact_id
    asof left join rates
        on
            won_deals.currency_code = rates.currency_code
            and won_deals.closed_date >= rates.rate_date
    where
        not exists (
            select 1 from {{ ref('fct_revenue_points') }} as points
            where points.person_id = contacts.person_id
        )

),

journey_deals as (

    select
        journeys.journey_id,
        sum(deals.deal_amount_reporting) as deal_amount_reporting
    from journeys
    inner join deals
        on
            journeys.person_id = deals.person_id
            and journeys.started_at <= deals.closed_at
            and journeys.ended_at + interval '{{ var("journey_gap_days") }} days'
            >= deals.closed_at
    group by journeys.journey_id

),

valued as (

    select
        journeys.persona,
        reached.stage_rank as reached_rank,
        (
            journeys.paid_amount_reporting + coalesce(journey_deals.deal_amount_reporting, 0)
        )::decimal(24, 4) as amount
    from journeys
    inner join stages as reached on journeys.last_stage = reached.stage
    left join journey_deals on journeys.journey_id = journey_deals.journey_id
    where not journeys.is_open

),

-- Finished journeys that ended in a stage, and those that went beyond it.
compared as (

    select
        stages.stage,
        valued.persona,
        count(*) filter (where valued.reached_rank > stages.stage_rank) as beyond_count,
        count(*) filter (where valued.reached_rank = stages.stage_rank) as ended_count,
        sum(valued.amount) filter (where valued.reached_rank > stages.stage_rank) as beyond_amount,
        sum(valued.amount) filter (where valued.reached_rank = stages.stage_rank) as ended_amount,
        bool_or(valued.amount != 0) as has_money
    from valued
    inner join stages on valued.reached_rank >= stages.stage_rank
    group by stages.stage, valued.persona

),

of_all as (

    select
        stage,
        sum(beyond_amount)::double / nullif(sum(beyond_count), 0)
        - sum(ended_amount)::double / nullif(sum(ended_count), 0) as more_amount
    from compared
    group by stage

),

money as (

    select coalesce(bool_or(has_money), false) as is_money_known from compared

),

-- What a journey that goes beyond the stage brings more than one that ends in it. Of all persons,
-- and for a persona with as much weight as it has journeys against the prior: who is not known has
-- no persona, and who goes on becomes known.
stage_values as (

    select
        compared.stage,
        compared.persona,
        greatest(0, case
            when
                compared.persona = '(not set)'
                or compared.beyond_count = 0
                or compared.ended_count = 0
                then of_all.more_amount
            else (
                {{ var('pain_prior_journeys') }} * of_all.more_amount
                + least(compared.beyond_count, compared.ended_count)
                * (
                    compared.beyond_amount::double / compared.beyond_count
                    - compared.ended_amount::double / compared.ended_count
                )
            ) / (
                {{ var('pain_prior_journeys') }}
                + least(compared.beyond_count, compared.ended_count)
            )
        end) as more_amount
    from compared
    inner join of_all on compared.stage = of_all.stage

),

-- Visits and answers stand side by side: somebody can be asked about a delivery that never came.
counted as (

    select
        month_start_date,
        persona,
        stage,
        touchpoint_type,
        count(*) as journey_count,
        -- Whoever ended in the last stage came all the way.
        count(*) filter (
            where
            is_last
            and not is_open
            and stage_rank < (select max(stages.stage_rank) from stages)
        ) as dropoff_count,
        count(*) filter (where has_ticket) as ticket_count,
        0 as answer_count,
        0 as dissatisfied_count
    from visits
    group by month_start_date, persona, stage, touchpoint_type
    union all
    select
        {{ month_start_date(business_date('responded_at')) }},
        coalesce(persona, '(not set)'),
        coalesce(question_stage, stage_at_answer, '(not set)'),
        touchpoint_type,
        0,
        0,
        0,
        count(*),
        count(*) filter (where is_at_risk)
    from survey_scores
    group by
        {{ month_start_date(business_date('responded_at')) }},
        coalesce(persona, '(not set)'),
        coalesce(question_stage, stage_at_answer, '(not set)'),
        touchpoint_type

)

select
    counted.month_start_date,
    counted.persona,
    counted.stage,
    counted.touchpoint_type,
    sum(counted.journey_count) as journey_count,
    sum(counted.dropoff_count) as dropoff_count,
    sum(counted.ticket_count) as ticket_count,
    sum(counted.answer_count) as answer_count,
    sum(counted.dissatisfied_count) as dissatisfied_count,
    case
        when max(money.is_money_known)
            then sum(
                round(counted.dropoff_count * coalesce(stage_values.more_amount, 0), 2)::decimal(
                    18, 3
                )
            )
    end as at_stake_amount_reporting
from counted
cross join money
left join stage_values
    on counted.stage = stage_values.stage and counted.persona = stage_values.persona
group by
    counted.month_start_date, counted.persona, counted.stage, counted.touchpoint_type
