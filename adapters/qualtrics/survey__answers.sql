-- Previews, tests and spam are no answers; unfinished, imported and offline responses are. A status
-- in words is in the language of the account, the channel is not.
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
where
    is_qualtrics_answer(status)
    and coalesce(distribution_channel, '') not in ('preview', 'test')
order by response_id, question_id
