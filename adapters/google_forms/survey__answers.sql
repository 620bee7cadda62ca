-- A response has no id: it is its instant, respondent and all its answers.
with stamped as (

    select
        *,
        timestamp as stamp,
        coalesce(email, username) as respondent
    from answers

),

responses as (

    select
        _file,
        _row,
        md5(string_agg(question || '=' || answer, '|' order by question)) as content
    from answers
    group by _file, _row

),

numbered as (

    select
        stamped.*,
        md5(concat_ws('|', stamped._file, stamped.stamp, stamped.respondent, responses.content))
            as response_id
    from stamped
    inner join responses
        on stamped._file = responses._file and stamped._row = responses._row
)

select
    response_id,
    _file as survey_id,
    question as question_id,
    stamp as responded_at,
    respondent as email,
    score_of(answer) as score,
    words_of(answer) as answer_text
from numbered
order by response_id, question_id
