with assignments as (

    select
        assignments.experiment_id,
        assignments.person_id,
        assignments.variant_id,
        assignments.is_crossover,
        assignments.first_exposed_at,
        experiments.end_date + coalesce(experiments.follow_up_days, 0) as last_outcome_date
    from {{ ref('fct_experiment_assignments') }} as assignments
    left join {{ ref('experiments') }} as experiments
        on assignments.experiment_id = experiments.experiment_id

),

metrics as (

    select * from {{ ref('experiment_metrics') }}
    where outcome_source != 'action'

),

revenue_points as (

    select * from {{ ref('fct_revenue_points') }}

),

order_money as (

    select
        order_id,
        sum(paid_amount_reporting) as paid_amount
    from revenue_points
    where payment_id is not null
    group by order_id

),

-- Money counts where its order was placed: one before the exposure was not moved by it, however
-- late it was paid.
outcomes as (

    select
        'revenue' as outcome_source,
        'revenue' as outcome_name,
        revenue_points.person_id,
        order_money.paid_amount as outcome,
        revenue_points.occurred_at
    from revenue_points
    inner join order_money on revenue_points.order_id = order_money.order_id
    where revenue_points.point_type in ('order', 'renewal')
    union all
    select
        'conversion',
        conversion_type,
        person_id,
        1,
        occurred_at
    from {{ ref('fct_conversions') }}
    union all
    select
        'touchpoint',
        touchpoint_name,
        person_id,
        1,
        occurred_at
    from {{ ref('fct_touchpoints') }}

),

measured as (

    select
        metrics.experiment_metric,
        metrics.metric_type,
        outcomes.person_id,
        outcomes.outcome,
        outcomes.occurred_at
    from outcomes
    inner join metrics
        on
            outcomes.outcome_source = metrics.outcome_source
            and {{ matches('outcomes.outcome_name', 'metrics.name_pattern') }}
    where outcomes.person_id is not null

),

-- Also what the person did in as many days before, as far as the option says.
summed as (

    select
        assignments.experiment_id,
        assignments.person_id,
        measured.experiment_metric,
        sum(measured.outcome) filter (
            where measured.occurred_at >= assignments.first_exposed_at
        ) as outcome,
        sum(measured.outcome) filter (
            where measured.occurred_at < assignments.first_exposed_at
        ) as prior_outcome
    from assignments
    inner join measured on assignments.person_id = measured.person_id
    where
        measured.occurred_at
        >= assignments.first_exposed_at - interval '{{ var("experiment_prior_days") }} days'
        and {{ business_date('measured.occurred_at') }}
        <= coalesce(assignments.last_outcome_date, {{ last_business_date() }})
    group by assignments.experiment_id, assignments.person_id, measured.experiment_metric

)

select
    assignments.experiment_id,
    metrics.experiment_metric,
    assignments.person_id,
    assignments.variant_id,
    assignments.is_crossover,
    case metrics.metric_type
        when 'share' then coalesce(summed.outcome > 0, false)::integer
        else coalesce(summed.outcome, 0)
    end::decimal(18, 3) as person_outcome,
    case metrics.metric_type
        when 'share' then coalesce(summed.prior_outcome > 0, false)::integer
        else coalesce(summed.prior_outcome, 0)
    end::decimal(18, 3) as prior_outcome
from assignments
cross join metrics
left join summed
    on
        assignments.experiment_id = summed.experiment_id
        and assignments.person_id = summed.person_id
        and metrics.experiment_metric = summed.experiment_metric
