-- Previews, tests and spam are no answers; unfinished, imported and offline responses are. A status
-- in words is in the language of the account, the channel is not. A question that was seen and not
-- answered may be exported as -99.
with responses as (

    select
        *,
        nullif(regexp_extract(question, '^(.+) - (?:Topics|Sentiment)$', 1), '') as about,
        ends_with(question, ' - Topics') as is_topic
    from answers
    where
        is_qualtrics_answer(status)
        and coalesce(distribution_channel, '') not in ('preview', 'test')
        and trim(answer) != '-99'

),

-- What Text iQ says of an answer stands in columns beside its own; of several topics the first.
labels as (

    select
        _file,
        response_id,
        about,
        max(trim(split_part(answer, ',', 1))) filter (where is_topic) as topic,
        max(lower(answer)) filter (where not is_topic) as sentiment
    from responses
    where about is not null
    group by _file, response_id, about

)

select
    responses.response_id,
    responses._file as survey_id,
    responses.question as question_id,
    responses.recorded_date as responded_at,
    responses.external_reference as contact_id,
    responses.recipient_email as email,
    score_of(responses.answer) as score,
    words_of(responses.answer) as answer_text,
    labels.topic,
    case
        when labels.sentiment in ('positive', 'neutral', 'negative', 'mixed') then labels.sentiment
    end as sentiment
from responses
left join labels
    on
        responses._file = labels._file
        and responses.response_id = labels.response_id
        and responses.question = labels.about
where responses.about is null
order by responses.response_id, responses.question
