-- An answer whose response was not exported has no time and cannot be placed. Previews (status
-- other than 0) are no answers. Times are UTC.
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
    responses.recorded_date || 'Z' as responded_at,
    responses.recipient_email as email,
    case when regexp_full_match(named.answer, '[0-9]{1,3}') then named.answer end as score,
    case when not regexp_full_match(named.answer, '[0-9]{1,3}') then named.answer end
        as answer_text
from named
inner join responses on named.response_id = responses.id
where responses.status in ('0', 'IP Address')
order by responses.id, named.question_id
