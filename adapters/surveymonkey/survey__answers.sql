-- Times as SurveyMonkey writes them: month/day/year, in the zone of the account.
with dated as (

    select
        *,
        coalesce(
            try_strptime(end_date, '%m/%d/%Y %I:%M:%S %p'),
            try_strptime(end_date, '%m/%d/%Y %H:%M:%S'),
            try_strptime(end_date, '%Y-%m-%d %H:%M:%S')
        ) as ended_at
    from answers

)

select
    respondent_id as response_id,
    _file as survey_id,
    question as question_id,
    coalesce(ended_at::varchar, end_date) as responded_at,
    custom_data_1 as contact_id,
    email_address as email,
    case
        when regexp_matches(answer, '^[0-9０-９]{1,3}( *$| *[-:：点])')
            then regexp_extract(answer, '^([0-9０-９]{1,3})', 1)
    end as score,
    case when not regexp_full_match(answer, '[0-9０-９]{1,3}') then answer end as answer_text
from dated
where end_date is not null
order by response_id, question_id
