-- A response has no id: it is its instant and respondent, and its number among those of one second
-- in the order of the sheet. Its answers are no part of it, so that a question may get another
-- title; rows equal in everything are one response.
with contents as (

    select
        _path,
        _row::integer as row_number,
        any_value(_file) as survey_id,
        any_value(timestamp) as responded_at,
        any_value(coalesce(email, username)) as respondent,
        md5(string_agg(question || '=' || answer, '|' order by question)) as content
    from answers
    group by _path, _row

),

responses as (

    select
        *,
        min(row_number) over (
            partition by _path, responded_at, respondent, content
        ) as first_row
    from contents

),

numbered as (

    select
        *,
        dense_rank() over (
            partition by _path, responded_at, respondent order by first_row
        ) as response_number
    from responses

)

select
    md5(
        concat_ws(
            '|', numbered.survey_id, numbered.responded_at, numbered.respondent,
            numbered.response_number
        )
    ) as response_id,
    numbered.survey_id,
    answers.question as question_id,
    numbered.responded_at,
    numbered.respondent as email,
    score_of(answers.answer) as score,
    words_of(answers.answer) as answer_text
from numbered
inner join answers on numbered._path = answers._path and numbered.row_number = answers._row
order by response_id, question_id
