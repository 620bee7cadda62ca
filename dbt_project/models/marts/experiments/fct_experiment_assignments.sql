with exposures as (

    select * from {{ ref('int_experiment_exposures_matched') }}

),

experiments as (

    select * from {{ ref('experiments') }}

),

counted as (

    select exposures.*
    from exposures
    left join experiments on exposures.experiment_id = experiments.experiment_id
    where
        exposures.occurred_date >= coalesce(experiments.start_date, exposures.occurred_date)
        and exposures.occurred_date <= coalesce(experiments.end_date, exposures.occurred_date)

),

assigned as (

    select
        experiment_id,
        person_id,
        arg_min(variant_id, (occurred_at, event_id)) as variant_id,
        arg_min(session_id, (occurred_at, event_id)) as session_id,
        count(*) as exposure_count,
        count(distinct variant_id) as variant_count,
        min(occurred_at) as first_exposed_at
    from counted
    group by experiment_id, person_id

)

select
    {{ surrogate_key(['experiment_id', 'person_id']) }} as experiment_assignment_id,
    experiment_id,
    person_id,
    variant_id,
    session_id,
    exposure_count::integer as exposure_count,
    variant_count::integer as variant_count,
    variant_count > 1 as is_crossover,
    {{ business_date('first_exposed_at') }} as first_exposed_date,
    first_exposed_at
from assigned
