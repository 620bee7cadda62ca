with answers as (

    select * from {{ ref('stg_survey__answers') }}
    where is_known

),

orders as (

    select * from {{ ref('stg_crm__orders') }}
    where is_known

),

question_versions as (

    select * from {{ versions('survey_questions', ['survey_id', 'question_id']) }}

),

score_classes as (

    select * from {{ ref('score_classes') }}

)

select
    answers.answer_id,
    answers.response_id,
    answers.survey_id,
    answers.question_id,
    answers.order_id,
    answers.invitation_id,
    question_versions.metric,
    question_versions.stage as question_stage,
    question_versions.touchpoint_type,
    score_classes.score_class,
    -- Who answered: the contact, else the address, else the order's contact, else the device.
    case
        when answers.contact_id is not null then 'contact'
        when answers.email_hash is not null then 'email'
        when orders.contact_id is not null then 'contact'
        when answers.visitor_id is not null then 'visitor'
    end as identifier_type,
    coalesce(answers.contact_id, answers.email_hash, orders.contact_id, answers.visitor_id)
        as identifier_value,
    answers.score,
    (answers.score - question_versions.scale_minimum)::decimal(9, 4)
    / (question_versions.scale_maximum - question_versions.scale_minimum) as score_rate,
    coalesce(question_versions.is_public_review, false) as is_public_review,
    answers.responded_at
from answers
left join orders on answers.order_id = orders.order_id
left join question_versions
    on
        answers.survey_id = question_versions.survey_id
        and answers.question_id = question_versions.question_id
        and {{ holds_on('question_versions', business_date('answers.responded_at')) }}
left join score_classes
    on
        question_versions.metric = score_classes.metric
        and answers.score between score_classes.minimum_score and score_classes.maximum_score
