with answers as (

    select
        answers.answer_id,
        answers.topic,
        answers.sentiment,
        answers.responded_at,
        identifiers.person_id
    from {{ ref('int_survey_answers_scored') }} as answers
    left join {{ ref('int_identifiers_resolved_to_persons') }} as identifiers
        on
            answers.identifier_type = identifiers.identifier_type
            and answers.identifier_value = identifiers.identifier_value
    where answers.topic is not null or answers.sentiment is not null

),

personas as (

    select
        person_id,
        persona
    from {{ ref('int_persons_described') }}

),

tickets as (

    select * from {{ ref('fct_tickets') }}
    where topic is not null or sentiment is not null

)

-- Labels, whether or not a score stands beside them.
select
    answers.answer_id as feedback_record_id,
    'answer' as feedback_source,
    personas.persona,
    answers.topic,
    answers.sentiment,
    answers.responded_at as occurred_at
from answers
left join personas on answers.person_id = personas.person_id
union all
select
    ticket_id,
    'ticket',
    persona,
    topic,
    sentiment,
    opened_at
from tickets
