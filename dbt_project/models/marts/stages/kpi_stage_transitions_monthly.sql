with transitions as (

    select * from {{ ref('fct_stage_model_transitions') }}

),

described as (

    select
        date_trunc('month', occurred_date)::date as month_start_date,
        stage_model,
        persona,
        coalesce(channel, '(not set)') as channel,
        coalesce(from_stage, '(none)') as from_stage,
        coalesce(to_stage, '(none)') as to_stage,
        transition_type,
        is_first_of_month,
        is_first_of_month_and_channel,
        from_stage_seconds
    from transitions

),

-- Materialized: else DuckDB counts twice, once more for the window's sum.
counted as materialized (

    select
        month_start_date,
        stage_model,
        from_stage,
        to_stage,
        transition_type,
        {{ slice_of(['channel', 'persona']) }},
        count(*) as transition_count,
        case
            when grouping(channel) = 0 then count(*) filter (where is_first_of_month_and_channel)
            else count(*) filter (where is_first_of_month)
        end as person_count,
        sum(from_stage_seconds) as from_stage_seconds,
        median(from_stage_seconds) as median_seconds
    from described
    group by grouping sets (
        (month_start_date, stage_model, from_stage, to_stage, transition_type),
        (month_start_date, stage_model, from_stage, to_stage, transition_type, channel),
        (month_start_date, stage_model, from_stage, to_stage, transition_type, persona)
    )

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
