with source as (

    select * from {{ source('raw_survey', 'answers') }}

)

select
    {{ surrogate_key(['response_id', 'question_id']) }} as answer_id,
    response_id,
    survey_id,
    question_id,
    contact_id,
    email as email_hash,
    visitor_id,
    order_id,
    invitation_id,
    score,
    lower(topic) as topic,
    sentiment,
    answer_text is not null as has_text,
    {{ is_known('responded_at') }} as is_known,
    responded_at
from source
