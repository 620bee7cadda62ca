with arms as (

    select * from {{ ref('int_experiment_arms_aggregated') }}

),

effects as (

    select * from {{ ref('int_experiment_effects_valued') }}

),

experiments as (

    select * from {{ ref('experiments') }}

),

-- What is held out from an action is an experiment as well.
described as (

    select
        experiment_id,
        name_ja,
        name_en,
        start_date,
        end_date
    from experiments
    union all
    select
        {{ hold_out_experiment('action') }},
        name_ja,
        name_en,
        null,
        null
    from {{ newest_version('actions', ['action']) }}

),

variants as (

    select
        experiment_id,
        variant_id,
        name_ja,
        name_en
    from {{ ref('experiment_variants') }}
    union all
    select
        {{ hold_out_experiment('actions.action') }},
        codes.code,
        codes.name_ja,
        codes.name_en
    from {{ newest_version('actions', ['action']) }} as actions
    cross join {{ ref('action_codes') }} as codes
    where codes.code_type = 'variant_id'

),

metrics as (

    select * from {{ ref('experiment_metrics') }}

),

verdicts as (

    select * from {{ ref('experiment_verdicts') }}

),

periods as (

    select
        experiment_id,
        min(first_exposed_date) as first_date
    from {{ ref('fct_experiment_assignments') }}
    group by experiment_id
    union all
    select
        {{ hold_out_experiment('action') }},
        min(contact_date)
    from {{ ref('int_action_contacts_matched') }}
    where is_listed
    group by action

),

weighed as (

    select
        *,
        sum(expected_weight) over (
            partition by experiment_id, experiment_metric
        ) as experiment_weight
    from arms

)

select
    {{ surrogate_key([
        'weighed.experiment_id', 'weighed.variant_id', 'weighed.experiment_metric'
    ]) }} as experiment_result_id,
    weighed.experiment_id,
    weighed.variant_id,
    weighed.experiment_metric,
    metrics.metric_type,
    described.name_ja,
    described.name_en,
    variants.name_ja as variant_name_ja,
    variants.name_en as variant_name_en,
    metrics.name_ja as metric_name_ja,
    metrics.name_en as metric_name_en,
    effects.experiment_verdict,
    verdicts.name_ja as verdict_name_ja,
    verdicts.name_en as verdict_name_en,
    verdicts.reason_ja as verdict_reason_ja,
    verdicts.reason_en as verdict_reason_en,
    case
        when metrics.outcome_source = 'revenue' then {{ reporting_currency() }}
    end::varchar as reporting_currency_code,
    weighed.is_control,
    weighed.is_primary as is_primary_metric,
    weighed.is_ended,
    weighed.person_count::integer as person_count,
    weighed.crossover_count::integer as crossover_count,
    weighed.outcome_person_count::integer as outcome_person_count,
    effects.comparison_count::integer as comparison_count,
    (weighed.expected_weight / nullif(weighed.experiment_weight, 0))::decimal(9, 4)
        as expected_person_rate,
    effects.ratio_p::double as sample_ratio_p_value,
    round(weighed.outcome_sum / nullif(weighed.person_count, 0), 6)::double as outcome_value,
    round(weighed.prior_sum / nullif(weighed.person_count, 0), 6)::double as prior_outcome_value,
    effects.unadjusted_difference::double as unadjusted_difference_value,
    effects.difference::double as difference_value,
    effects.fixed_low::double as fixed_low_value,
    effects.fixed_high::double as fixed_high_value,
    effects.sequential_low::double as sequential_low_value,
    effects.sequential_high::double as sequential_high_value,
    effects.detectable::double as detectable_difference_value,
    effects.variance_reduction::double as variance_reduction_rate,
    coalesce(described.start_date, periods.first_date) as start_date,
    described.end_date
from weighed
inner join effects
    on
        weighed.experiment_id = effects.experiment_id
        and weighed.variant_id = effects.variant_id
        and weighed.experiment_metric = effects.experiment_metric
inner join metrics on weighed.experiment_metric = metrics.experiment_metric
inner join verdicts on effects.experiment_verdict = verdicts.experiment_verdict
left join described on weighed.experiment_id = described.experiment_id
left join variants
    on
        weighed.experiment_id = variants.experiment_id
        and weighed.variant_id = variants.variant_id
left join periods on weighed.experiment_id = periods.experiment_id
