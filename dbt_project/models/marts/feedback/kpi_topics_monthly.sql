with labelled as (

    select
        *,
        coalesce(topic, '(not set)') as told_topic,
        {{ month_start_date(business_date('occurred_at')) }} as month_start_date
    from {{ ref('int_labelled_feedback_unioned') }}

),

counted as (

    select
        month_start_date,
        case when grouping(feedback_source) = 1 then 'all' else feedback_source end
            as source_or_all,
        case when grouping(told_topic) = 1 then 'all' else told_topic end as topic_or_all,
        count(*) as mention_count,
        count(sentiment) as judged_count,
        count(*) filter (where sentiment = 'positive') as positive_count,
        count(*) filter (where sentiment = 'negative') as negative_count
    from labelled
    group by grouping sets (
        (month_start_date),
        (month_start_date, feedback_source),
        (month_start_date, told_topic),
        (month_start_date, feedback_source, told_topic)
    )

),

judged as (

    select
        *,
        judged_count < {{ var('minimum_answers') }} as is_suppressed
    from counted

)

select
    {{ surrogate_key(['month_start_date', 'source_or_all', 'topic_or_all']) }} as topic_month_id,
    source_or_all as feedback_source,
    topic_or_all as topic,
    mention_count::integer as mention_count,
    judged_count::integer as judged_count,
    case when not is_suppressed then positive_count end::integer as positive_count,
    case when not is_suppressed then negative_count end::integer as negative_count,
    case when not is_suppressed then round(negative_count::double / judged_count, 6) end::double
        as negative_rate,
    is_suppressed,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from judged
