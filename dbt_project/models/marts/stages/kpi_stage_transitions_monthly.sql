with transitions as (

    select * from {{ ref('fct_stage_model_transitions') }}

),

-- The finest grain first; its stays one by one, for their median.
narrow as (

    select
        {{ month_start_date('occurred_date') }} as month_start_date,
        stage_model,
        persona,
        channel,
        from_stage,
        to_stage,
        transition_type,
        count(*) as transition_count,
        count(*) filter (where is_first_of_month) as person_count,
        count(*) filter (where is_first_of_month_and_channel) as channel_person_count,
        sum(from_stage_seconds) as from_stage_seconds,
        list(from_stage_seconds) filter (where from_stage_seconds is not null) as stays
    from transitions
    group by
        {{ month_start_date('occurred_date') }},
        stage_model, persona, channel, from_stage, to_stage, transition_type

),

described as (

    select
        narrow.* exclude (channel, from_stage, to_stage),
        coalesce(narrow.channel, '(not set)') as channel,
        coalesce(narrow.from_stage, '(none)') as from_stage,
        coalesce(narrow.to_stage, '(none)') as to_stage
    from narrow

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
        sum(transition_count) as transition_count,
        case
            when grouping(channel) = 0 then sum(channel_person_count) else sum(person_count)
        end as person_count,
        sum(from_stage_seconds) as from_stage_seconds,
        list_median(flatten(list(stays))) as median_seconds
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
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from counted
