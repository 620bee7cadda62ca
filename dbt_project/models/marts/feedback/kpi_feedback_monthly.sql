with survey_scores as (

    select
        *,
        {{ month_start_date(business_date('responded_at')) }} as month_start_date,
        -- Expectation and experience are asked about a stage; the others are in one.
        case
            when metric in ('expectation', 'experience') then question_stage
            else coalesce(question_stage, stage_at_answer)
        end as about_stage
    from {{ ref('fct_survey_scores') }}

),

invitations as (

    select * from {{ ref('stg_survey__invitations') }}
    where is_known

),

invited_answers as (

    select invitation_id
    from {{ ref('stg_survey__answers') }}
    where is_known and invitation_id is not null
    group by invitation_id

),

questions as (

    select * from {{ versions('survey_questions', ['survey_id', 'question_id']) }}

),

-- What an invitation asked about, by the questions of its day.
invited_metrics as (

    select distinct
        invitations.invitation_id,
        questions.metric,
        {{ month_start_date(business_date('invitations.sent_at')) }} as month_start_date
    from invitations
    inner join questions
        on
            invitations.survey_id = questions.survey_id
            and {{ holds_on('questions', business_date('invitations.sent_at')) }}

),

response_rates as (

    select
        invited_metrics.month_start_date,
        invited_metrics.metric,
        count(*) as invitation_count,
        count(invited_answers.invitation_id)::double / count(*) as response_rate
    from invited_metrics
    left join invited_answers on invited_metrics.invitation_id = invited_answers.invitation_id
    group by invited_metrics.month_start_date, invited_metrics.metric

),

-- Points of one answer: +100, 0, -100 for NPS; in the top box or not for CSAT; otherwise the score
-- on the metric's usual scale. The value gap has a row per person who answered both.
pointed as (

    select
        month_start_date,
        metric,
        coalesce(about_stage, '(not set)') as stage,
        coalesce(persona, '(not set)') as persona,
        coalesce(touchpoint_type, '(not set)') as touchpoint_type,
        case
            when score_class = 'promoter' then 100
            when score_class = 'detractor' then -100
            when metric = 'nps' then 0
            when metric = 'csat' then (score_class = 'satisfied')::integer
            else scaled_score
        end as points
    from survey_scores
    union all
    select
        {{ month_start_date(business_date('experienced_at')) }},
        'value_gap',
        coalesce(stage, '(not set)'),
        coalesce(persona, '(not set)'),
        coalesce(touchpoint_type, '(not set)'),
        gap_points
    from {{ ref('int_value_gaps_matched') }}

),

summarised as (

    select
        month_start_date,
        metric,
        coalesce(stage, 'all') as stage,
        coalesce(persona, 'all') as persona,
        coalesce(touchpoint_type, 'all') as touchpoint_type,
        count(*) as answer_count,
        sum(points)::double / count(*) as metric_value,
        -- From whole-number sums, so that the order of rows cannot change a digit.
        sqrt(
            (sum(points * points) * count(*) - sum(points) * sum(points))::double
            / nullif(count(*) * (count(*) - 1), 0)
        ) as deviation
    from pointed
    group by
        grouping sets (
            (month_start_date, metric),
            (month_start_date, metric, stage),
            (month_start_date, metric, persona),
            (month_start_date, metric, touchpoint_type),
            (month_start_date, metric, stage, persona),
            (month_start_date, metric, stage, touchpoint_type)
        )

),

-- Whoever happened to be asked in the month: other people before than after.
unpaired_gaps as (

    select
        experiences.month_start_date,
        'unpaired_gap' as metric,
        experiences.stage,
        experiences.persona,
        experiences.touchpoint_type,
        least(experiences.answer_count, expectations.answer_count) as answer_count,
        experiences.metric_value - expectations.metric_value as metric_value,
        sqrt(
            pow(experiences.deviation, 2) / experiences.answer_count
            + pow(expectations.deviation, 2) / expectations.answer_count
        ) * sqrt(least(experiences.answer_count, expectations.answer_count)) as deviation
    from summarised as experiences
    inner join summarised as expectations
        on
            experiences.month_start_date = expectations.month_start_date
            and experiences.stage = expectations.stage
            and experiences.persona = expectations.persona
            and experiences.touchpoint_type = expectations.touchpoint_type
    where experiences.metric = 'experience' and expectations.metric = 'expectation'

),

unioned as (

    select * from summarised
    union all
    select * from unpaired_gaps

),

judged as (

    select
        *,
        answer_count < {{ var('minimum_answers') }} as is_suppressed,
        stage = 'all' and persona = 'all' and touchpoint_type = 'all' as is_total,
        {{ score_bound('metric', 'metric_value', 'deviation', 'answer_count', '-') }} as low_value,
        {{ score_bound('metric', 'metric_value', 'deviation', 'answer_count', '+') }} as high_value
    from unioned

)

select
    {{ surrogate_key([
        'judged.month_start_date', 'judged.metric', 'judged.stage', 'judged.persona',
        'judged.touchpoint_type'
    ]) }} as feedback_id,
    judged.metric,
    judged.stage,
    judged.persona,
    judged.touchpoint_type,
    judged.answer_count::integer as answer_count,
    case when judged.is_total then response_rates.invitation_count end::integer as invitation_count,
    case when judged.is_total then response_rates.response_rate end::double as response_rate,
    case when not judged.is_suppressed then round(judged.metric_value, 6) end::double
        as metric_value,
    case when not judged.is_suppressed then round(judged.low_value, 6)
    end::double as interval_low_value,
    case when not judged.is_suppressed then round(judged.high_value, 6)
    end::double as interval_high_value,
    judged.is_suppressed,
    {{ is_complete('judged.month_start_date') }} as is_complete,
    judged.month_start_date
from judged
left join response_rates
    on
        judged.month_start_date = response_rates.month_start_date
        and judged.metric = response_rates.metric
