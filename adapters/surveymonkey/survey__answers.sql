-- A response without an end was not finished.
select
    respondent_id as response_id,
    _file as survey_id,
    question as question_id,
    end_date as responded_at,
    custom_data_1 as contact_id,
    email_address as email,
    score_of(answer) as score,
    words_of(answer) as answer_text
from answers
where end_date is not null
order by response_id, question_id
