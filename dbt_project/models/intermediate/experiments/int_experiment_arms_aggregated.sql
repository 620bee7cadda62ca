with outcomes as (

    select * from {{ ref('int_experiment_outcomes_aggregated') }}

),

experiments as (

    select * from {{ ref('experiments') }}

),

variants as (

    select * from {{ ref('experiment_variants') }}

),

metrics as (

    select * from {{ ref('experiment_metrics') }}
    where outcome_source != 'action'

),

action_metrics as (

    select * from {{ ref('experiment_metrics') }}
    where outcome_source = 'action'

),

actions as (

    select * from {{ newest_version('actions', ['action']) }}

),

programmes as (

    select * from {{ versions('action_programmes', ['programme']) }}

),

-- Of an action each person counts once, by the first list that they were on and that is judged:
-- what they do after a later one is not independent of it.
first_offers as (

    select
        action,
        person_id,
        contact_date,
        has_response,
        case when is_hold_out then 'held_out' else 'offered' end as variant_id
    from {{ ref('int_action_contacts_matched') }}
    where is_listed
    qualify
        row_number() over (
            partition by action, person_id
            order by contact_date, is_hold_out, has_response
        ) = 1

),

-- A planned variant that nobody was shown is a finding; so is one that nobody planned.
arms as (

    select
        variants.experiment_id,
        variants.variant_id
    from variants
    union
    select
        outcomes.experiment_id,
        outcomes.variant_id
    from outcomes

),

-- Sums of decimals: their order changes nothing.
summed as (

    select
        experiment_id,
        variant_id,
        experiment_metric,
        count(*) as person_count,
        count(*) filter (where is_crossover) as crossover_count,
        count(*) filter (where person_outcome != 0) as outcome_person_count,
        sum(person_outcome)::double as outcome_sum,
        sum(prior_outcome)::double as prior_sum,
        sum(person_outcome * person_outcome)::double as outcome_square_sum,
        sum(prior_outcome * prior_outcome)::double as prior_square_sum,
        sum(person_outcome * prior_outcome)::double as product_sum
    from outcomes
    group by experiment_id, variant_id, experiment_metric

),

action_arms as (

    select
        actions.action,
        variants.variant_id,
        round(sum(programmes.hold_out_rate)::double / count(*), 6) as hold_out_rate,
        count(*) filter (where first_offers.variant_id = variants.variant_id) as person_count,
        count(*) filter (
            where first_offers.variant_id = variants.variant_id and first_offers.has_response
        ) as response_count
    from first_offers
    inner join actions on first_offers.action = actions.action
    inner join programmes
        on
            actions.programme = programmes.programme
            and {{ holds_on('programmes', 'first_offers.contact_date') }}
    cross join (values ('held_out'), ('offered')) as variants (variant_id)
    group by actions.action, variants.variant_id

)

select
    arms.experiment_id,
    arms.variant_id,
    metrics.experiment_metric,
    metrics.metric_type,
    metrics.direction,
    coalesce(arms.variant_id = experiments.control_variant_id, false) as is_control,
    experiments.control_variant_id is not null as is_planned,
    coalesce(experiments.primary_metric = metrics.experiment_metric, false) as is_primary,
    coalesce(
        experiments.end_date + coalesce(experiments.follow_up_days, 0)
        <= {{ last_business_date() }}, false
    ) as is_ended,
    coalesce(variants.expected_weight, 0)::double as expected_weight,
    coalesce(experiments.planned_person_count, {{ var('experiment_planned_persons') }})
        as planned_person_count,
    {{ var('experiment_minimum_persons') }} as minimum_person_count,
    experiments.minimum_effect_value::double as minimum_effect_value,
    coalesce(summed.person_count, 0) as person_count,
    coalesce(summed.crossover_count, 0) as crossover_count,
    coalesce(summed.outcome_person_count, 0) as outcome_person_count,
    coalesce(summed.outcome_sum, 0) as outcome_sum,
    coalesce(summed.prior_sum, 0) as prior_sum,
    coalesce(summed.outcome_square_sum, 0) as outcome_square_sum,
    coalesce(summed.prior_square_sum, 0) as prior_square_sum,
    coalesce(summed.product_sum, 0) as product_sum
from arms
cross join metrics
left join experiments on arms.experiment_id = experiments.experiment_id
left join variants
    on arms.experiment_id = variants.experiment_id and arms.variant_id = variants.variant_id
left join summed
    on
        arms.experiment_id = summed.experiment_id
        and arms.variant_id = summed.variant_id
        and metrics.experiment_metric = summed.experiment_metric
union all
-- Who was held out from an action, and who was offered it: an experiment that goes on.
select
    {{ hold_out_experiment('action_arms.action') }},
    action_arms.variant_id,
    action_metrics.experiment_metric,
    action_metrics.metric_type,
    action_metrics.direction,
    action_arms.variant_id = 'held_out',
    true,
    true,
    false,
    case
        when action_arms.variant_id = 'held_out' then action_arms.hold_out_rate
        else round(1 - action_arms.hold_out_rate, 6)
    end,
    {{ var('experiment_planned_persons') }},
    {{ var('experiment_minimum_persons') }},
    null,
    action_arms.person_count,
    0,
    action_arms.response_count as outcome_person_count,
    action_arms.response_count as outcome_sum,
    0,
    action_arms.response_count as outcome_square_sum,
    0,
    0
from action_arms
cross join action_metrics
