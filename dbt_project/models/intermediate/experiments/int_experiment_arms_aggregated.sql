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
