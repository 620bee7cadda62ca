with answers as (

    select
        survey_id,
        question_id,
        has_text,
        {{ month_start_date(business_date('responded_at')) }} as month_start_date
    from {{ ref('stg_survey__answers') }}
    where is_known

)

-- How many wrote something; what they wrote is nowhere in the warehouse.
select
    {{ surrogate_key(['month_start_date', 'survey_id', 'question_id']) }} as verbatim_count_id,
    survey_id,
    question_id,
    count(*)::integer as response_count,
    count(*) filter (where has_text)::integer as verbatim_count,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from answers
group by month_start_date, survey_id, question_id
