-- `#` is the token of the response. `email` and `contact_id` are hidden fields, where the form has
-- them. A response that was only begun is none.
select
    number as response_id,
    _file as survey_id,
    question as question_id,
    submit_date_utc || 'Z' as responded_at,
    contact_id,
    email,
    case
        when regexp_matches(answer, '^[0-9０-９]{1,3}( *$| *[-:：点])')
            then regexp_extract(answer, '^([0-9０-９]{1,3})', 1)
    end as score,
    case when not regexp_full_match(answer, '[0-9０-９]{1,3}') then answer end as answer_text
from answers
where submit_date_utc is not null and coalesce(response_type, 'completed') = 'completed'
order by response_id, question_id
