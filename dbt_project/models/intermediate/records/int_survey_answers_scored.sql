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

score_scales as (

    select * from {{ ref('score_scales') }}

),

score_classes as (

    select * from {{ ref('score_classes') }}

),

asked as (

    select
        answers.*,
        orders.contact_id as order_contact_id,
        question_versions.metric,
        question_versions.stage as question_stage,
        question_versions.touchpoint_type,
        question_versions.is_public_review,
        question_versions.top_boxes,
        score_scales.minimum_score as usual_minimum,
        score_scales.maximum_score as usual_maximum,
        coalesce(question_versions.scale_minimum, score_scales.minimum_score) as scale_minimum,
        coalesce(question_versions.scale_maximum, score_scales.maximum_score) as scale_maximum,
        coalesce(question_versions.is_best_low, false) as is_best_low
    from answers
    left join orders on answers.order_id = orders.order_id
    left join question_versions
        on
            answers.survey_id = question_versions.survey_id
            and answers.question_id = question_versions.question_id
            and {{ holds_on('question_versions', business_date('answers.responded_at')) }}
    left join score_scales on question_versions.metric = score_scales.metric

),

boxed as (

    select
        *,
        scale_maximum - scale_minimum + 1 as point_count,
        -- The best point is box 1, at whichever end of the scale it is.
        greatest(
            1,
            case
                when is_best_low then score - scale_minimum + 1
                else scale_maximum - score + 1
            end
        ) as box_number
    from asked

),

rated as (

    select
        *,
        (point_count - least(box_number, point_count))::decimal(9, 4)
        / (point_count - 1) as score_rate,
        (
            usual_minimum
            + (point_count - least(box_number, point_count)) * (usual_maximum - usual_minimum)
            / (point_count - 1)
        )::decimal(9, 4) as scaled_score
    from boxed

),

classified as (

    select
        rated.answer_id,
        score_classes.score_class,
        score_classes.is_at_risk
    from rated
    inner join score_classes
        on
            rated.metric = score_classes.metric
            and rated.point_count >= coalesce(score_classes.minimum_points, 0)
            and rated.point_count <= coalesce(score_classes.maximum_points, rated.point_count)
            and case
                when score_classes.is_best and rated.top_boxes is not null
                    then rated.box_number <= rated.top_boxes
                else
                    rated.box_number <= coalesce(score_classes.top_boxes, rated.box_number)
                    and rated.score_rate >= coalesce(score_classes.minimum_rate, 0)
            end
    where rated.score is not null
    qualify row_number() over (
        partition by rated.answer_id order by score_classes.class_order
    ) = 1

)

select
    rated.answer_id,
    rated.response_id,
    rated.survey_id,
    rated.question_id,
    rated.order_id,
    rated.invitation_id,
    rated.metric,
    rated.question_stage,
    rated.touchpoint_type,
    classified.score_class,
    classified.is_at_risk,
    -- Who answered: the contact, else the address, else the order's contact, else the device.
    case
        when rated.contact_id is not null then 'contact'
        when rated.email_hash is not null then 'email'
        when rated.order_contact_id is not null then 'contact'
        when rated.visitor_id is not null then 'visitor'
    end as identifier_type,
    coalesce(rated.contact_id, rated.email_hash, rated.order_contact_id, rated.visitor_id)
        as identifier_value,
    rated.topic,
    rated.sentiment,
    rated.score,
    rated.score_rate,
    rated.scaled_score,
    coalesce(rated.is_public_review, false) as is_public_review,
    rated.responded_at
from rated
left join classified on rated.answer_id = classified.answer_id
