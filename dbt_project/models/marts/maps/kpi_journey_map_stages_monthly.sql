with scores as (

    select
        survey_score_id,
        score_rate,
        coalesce(persona, '(not set)') as persona,
        coalesce(question_stage, stage_at_answer) as stage,
        {{ business_date('responded_at') }} as answered_date
    from {{ ref('fct_survey_scores') }}
    where metric in ('csat', 'experience')

),

maps as (

    select * from {{ ref('int_journey_maps_described') }}
    where aspect = 'stage'

),

steps as (

    select * from {{ ref('dim_journey_map_steps') }}
    where aspect = 'stage' and map_step_number is not null
    qualify row_number() over (partition by map_id, step order by map_step_number) = 1

),

-- The map of the answer's persona that was in force then, else the one for any.
mapped as (

    select
        scores.*,
        maps.map_id
    from scores
    inner join maps
        on
            (scores.persona = maps.persona or maps.persona = '(any)')
            and {{ holds_on('maps', 'scores.answered_date') }}
    qualify row_number() over (
        partition by scores.survey_score_id
        order by case when maps.persona = '(any)' then 1 else 0 end, maps.map_id
    ) = 1

),

averaged as (

    select
        map_id,
        stage,
        {{ month_start_date('answered_date') }} as month_start_date,
        count(*) as answer_count,
        4 * (sum(score_rate)::double / count(*)) - 2 as observed_score
    from mapped
    group by map_id, stage, {{ month_start_date('answered_date') }}

),

compared as (

    select
        steps.*,
        averaged.month_start_date,
        averaged.answer_count,
        averaged.observed_score,
        averaged.answer_count < {{ var('minimum_answers') }} as is_suppressed,
        case steps.intended_emotion
            when 'very_negative' then -2
            when 'negative' then -1
            when 'neutral' then 0
            when 'positive' then 1
            when 'very_positive' then 2
        end as intended_score
    from averaged
    inner join steps on averaged.map_id = steps.map_id and averaged.stage = steps.step

)

select
    {{ surrogate_key(['month_start_date', 'map_id', 'step']) }} as map_stage_id,
    map_id,
    map_persona,
    step as stage,
    needs_ja,
    needs_en,
    intended_emotion,
    issue_ja,
    issue_en,
    owner_department,
    map_version,
    answer_count::integer as answer_count,
    intended_score::double as intended_emotion_score,
    case when not is_suppressed then round(observed_score, 6) end::double
        as observed_emotion_score,
    case when not is_suppressed then round(observed_score - intended_score, 6) end::double
        as emotion_gap_score,
    is_suppressed,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from compared
