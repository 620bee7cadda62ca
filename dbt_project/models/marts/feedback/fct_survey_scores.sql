with answers as (

    select * from {{ ref('int_survey_answers_scored') }}
    where metric is not null and score is not null

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}
    where identifier_value in (select answers.identifier_value from answers)

),

resolved as (

    select
        answers.*,
        identifiers.person_id
    from answers
    left join identifiers
        on
            answers.identifier_type = identifiers.identifier_type
            and answers.identifier_value = identifiers.identifier_value

),

-- Of those who answered only: there are many more who did not.
stage_intervals as (

    select * from {{ ref('fct_stage_intervals') }}
    where person_id in (select resolved.person_id from resolved)

),

personas as (

    select
        person_id,
        persona
    from {{ ref('int_persons_described') }}
    where person_id in (select resolved.person_id from resolved)

)

select
    resolved.answer_id as survey_score_id,
    resolved.response_id,
    resolved.person_id,
    resolved.order_id,
    resolved.survey_id,
    resolved.question_id,
    resolved.metric,
    resolved.score_class,
    personas.persona,
    resolved.question_stage,
    resolved.touchpoint_type,
    -- The stay just before the answer: an answer of 9 or 10 is itself what makes an advocate.
    stage_intervals.stage as stage_at_answer,
    resolved.topic,
    resolved.sentiment,
    resolved.score::integer as score,
    resolved.score_rate::decimal(9, 4) as score_rate,
    resolved.scaled_score::decimal(9, 4) as scaled_score,
    resolved.is_at_risk,
    resolved.is_public_review,
    {{ business_date('resolved.responded_at') }} as responded_date,
    resolved.responded_at
from resolved
left join personas on resolved.person_id = personas.person_id
left join stage_intervals
    on
        resolved.person_id = stage_intervals.person_id
        and resolved.responded_at > stage_intervals.entered_at
        and (stage_intervals.left_at is null or resolved.responded_at <= stage_intervals.left_at)
