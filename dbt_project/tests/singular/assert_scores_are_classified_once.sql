-- Promoters, passives and detractors are all NPS answers; likewise for the other metrics.
select answers.answer_id
from {{ ref('int_survey_answers_scored') }} as answers
left join {{ ref('fct_survey_scores') }} as scores
    on answers.answer_id = scores.survey_score_id
where answers.metric is not null and answers.score is not null
group by answers.answer_id
having count(scores.score_class) != 1
