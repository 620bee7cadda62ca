with transitions as (

    select
        *,
        date_trunc('month', {{ business_date('occurred_at') }})::date as month_start_date
    from {{ ref('fct_stage_model_transitions') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

described as (

    select
        transitions.*,
        persons.persona
    from transitions
    inner join persons on transitions.person_id = persons.person_id

),

sliced as (

    select
        *,
        'all' as dimension,
        'all' as dimension_value
    from described
    union all
    select
        *,
        'channel',
        coalesce(channel, '(not set)')
    from described
    union all
    select
        *,
        'persona',
        persona
    from described

),

counted as (

    select
        month_start_date,
        stage_model,
        dimension,
        dimension_value,
        coalesce(from_stage, '(none)') as from_stage,
        coalesce(to_stage, '(none)') as to_stage,
        transition_type,
        count(*) as transition_count,
        count(distinct person_id) as person_count,
        sum(from_stage_seconds) as from_stage_seconds,
        median(from_stage_seconds) as median_seconds
    from sliced
    group by
        month_start_date,
        stage_model,
        dimension,
        dimension_value,
        coalesce(from_stage, '(none)'),
        coalesce(to_stage, '(none)'),
        transition_type

)

select
    {{ surrogate_key([
        'month_start_date', 'stage_model', 'dimension', 'dimension_value', 'from_stage',
        'to_stage', 'transition_type'
    ]) }} as transition_matrix_id,
    stage_model,
    dimension,
    dimension_value,
    from_stage,
    to_stage,
    transition_type,
    transition_count::integer as transition_count,
    person_count::integer as person_count,
    round(
        transition_count::double
        / sum(transition_count) over (
            partition by month_start_date, stage_model, dimension, dimension_value, from_stage
        ), 6
    )::double as from_stage_share,
    round(from_stage_seconds::double / (transition_count * 86400), 6)::double as average_stay_days,
    round(median_seconds::double / 86400, 6)::double as median_stay_days,
    month_start_date
from counted
