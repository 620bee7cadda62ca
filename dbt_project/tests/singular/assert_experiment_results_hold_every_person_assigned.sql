-- For each metric, the persons of a variant are those assigned to it.
with assigned as (

    select
        experiment_id,
        variant_id,
        count(*) as person_count,
        count(*) filter (where is_crossover) as crossover_count
    from {{ ref('fct_experiment_assignments') }}
    group by experiment_id, variant_id

),

results as (

    select * from {{ ref('kpi_experiment_results') }}

)

select
    coalesce(results.experiment_id, assigned.experiment_id) as experiment_id,
    coalesce(results.variant_id, assigned.variant_id) as variant_id
from results
full outer join assigned
    on results.experiment_id = assigned.experiment_id and results.variant_id = assigned.variant_id
where
    coalesce(results.person_count != coalesce(assigned.person_count, 0), true)
    or results.crossover_count != coalesce(assigned.crossover_count, 0)
    or results.outcome_person_count > results.person_count
