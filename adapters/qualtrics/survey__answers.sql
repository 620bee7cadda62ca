-- Previews and tests (Status other than 0 or 'IP Address') are no answers; unfinished ones are.
select
    response_id,
    _file as survey_id,
    question as question_id,
    recorded_date as responded_at,
    external_reference as contact_id,
    recipient_email as email,
    score_of(answer) as score,
    words_of(answer) as answer_text
from answers
where status in ('0', 'IP Address')
order by response_id, question_id
