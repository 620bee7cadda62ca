-- Previews and tests (Status other than 0 or 'IP Address') are no answers; unfinished ones are.
select
    response_id,
    _file as survey_id,
    question as question_id,
    recorded_date as responded_at,
    external_reference as contact_id,
    recipient_email as email,
    case
        when regexp_matches(answer, '^[0-9０-９]{1,3}( *$| *[-:：点])')
            then regexp_extract(answer, '^([0-9０-９]{1,3})', 1)
    end as score,
    case when not regexp_full_match(answer, '[0-9０-９]{1,3}') then answer end as answer_text
from answers
where status in ('0', 'IP Address')
order by response_id, question_id
