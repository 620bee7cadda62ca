-- `#` is the token of the response. `email`, `contact_id`, `order_id` and `visitor_id` are hidden
-- fields, where the form has them. A response that was only begun is none.
select
    number as response_id,
    _file as survey_id,
    question as question_id,
    submit_date_utc as responded_at,
    contact_id,
    email,
    score_of(answer) as score,
    words_of(answer) as answer_text,
    order_id,
    visitor_id
from answers
where submit_date_utc is not null and coalesce(response_type, 'completed') = 'completed'
order by response_id, question_id
