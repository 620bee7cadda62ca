-- For each metric, the persons of a variant are those assigned to it; of an action, all who were on
-- a list of it that is judged are held out or offered it, each once.
with assigned as (

    select
        experiment_id,
        variant_id,
        count(*) as person_count,
        count(*) filter (where is_crossover) as crossover_count
    from {{ ref('fct_experiment_assignments') }}
    group by experiment_id, variant_id

),

listed as (

    select
        {{ hold_out_experiment('action') }} as experiment_id,
        count(distinct person_id) as person_count
    from {{ ref('int_action_contacts_matched') }}
    where is_listed
    group by action

),

results as (

    select * from {{ ref('kpi_experiment_results') }}
    where experiment_id not in (select listed.experiment_id from listed)

),

of_actions as (

    select
        experiment_id,
        sum(person_count) as person_count
    from {{ ref('kpi_experiment_results') }}
    where experiment_id in (select listed.experiment_id from listed)
    group by experiment_id

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
union all
select
    listed.experiment_id,
    null
from listed
left join of_actions on listed.experiment_id = of_actions.experiment_id
where listed.person_count is distinct from of_actions.person_count
