-- An answer whose response was not exported has no time and cannot be placed. Previews, tests
-- and spam are no answers, nor is what may stand for a question seen and left.
with named as (

    select
        response_id,
        concat_ws('_', question_id, sub_question_key, question_option_key, loop_id) as question_id,
        coalesce(text, value) as answer
    from answers

)

select
    responses.id as response_id,
    responses.survey_id,
    named.question_id,
    responses.recorded_date as responded_at,
    responses.recipient_email as email,
    score_of(named.answer) as score,
    words_of(named.answer) as answer_text
from named
inner join responses on named.response_id = responses.id
where is_qualtrics_answer(responses.status) and trim(named.answer) != '-99'
order by responses.id, named.question_id
