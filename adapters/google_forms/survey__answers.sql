-- The stamp is local: `2026/11/20 9:05:01 午前 GMT+9`, `2026/11/20 午後 9:05:01`, `2026/11/20 9:05:01`
-- or `11/20/2026 9:05:01`. A response has no id: it is its stamp, respondent and all its answers.
with stamped as (

    select
        *,
        coalesce(タイムスタンプ, timestamp) as stamp,
        coalesce(メールアドレス, email_address, ユーザー名, username) as email
    from answers

),

parts as (

    select
        *,
        regexp_extract(stamp, '[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}') as year_first,
        regexp_extract(stamp, '^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})', 1) as us_month,
        regexp_extract(stamp, '^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})', 2) as us_day,
        regexp_extract(stamp, '^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})', 3) as us_year,
        regexp_extract(stamp, '([0-9]{1,2}):[0-9]{2}:[0-9]{2}', 1) as clock_hour,
        regexp_extract(stamp, '[0-9]{1,2}(:[0-9]{2}:[0-9]{2})', 1) as minutes_seconds,
        regexp_matches(stamp, '午前|AM|am') as is_morning,
        regexp_matches(stamp, '午後|PM|pm') as is_afternoon,
        regexp_extract(stamp, 'GMT([+-][0-9]{1,2})', 1) as gmt
    from stamped

),

timed as (

    select
        *,
        case
            when year_first != '' then replace(year_first, '/', '-')
            else us_year || '-' || us_month || '-' || us_day
        end
        || ' '
        || case
            when is_afternoon and clock_hour::integer < 12
                then (clock_hour::integer + 12)::varchar
            when is_morning and clock_hour = '12' then '0'
            else clock_hour
        end
        || minutes_seconds
        || case
            when gmt = '' then ''
            else left(gmt, 1) || lpad(substr(gmt, 2), 2, '0') || ':00'
        end as responded_at
    from parts

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
        timed.*,
        md5(concat_ws('|', timed._file, timed.stamp, timed.email, responses.content))
            as response_id
    from timed
    inner join responses on timed._file = responses._file and timed._row = responses._row
)

select
    response_id,
    _file as survey_id,
    question as question_id,
    responded_at,
    email,
    case
        when regexp_matches(answer, '^[0-9０-９]{1,3}( *$| *[-:：点])')
            then regexp_extract(answer, '^([0-9０-９]{1,3})', 1)
    end as score,
    case when not regexp_full_match(answer, '[0-9０-９]{1,3}') then answer end as answer_text
from numbered
order by response_id, question_id
