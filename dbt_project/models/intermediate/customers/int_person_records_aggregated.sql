with tickets as (

    select
        touchpoints.person_id,
        count(*) filter (where tickets.resolved_at is null) as open_ticket_count
    from {{ ref('fct_touchpoints') }} as touchpoints
    inner join {{ ref('stg_crm__tickets') }} as tickets on touchpoints.ticket_id = tickets.ticket_id
    where touchpoints.person_id is not null
    group by touchpoints.person_id

),

answers as (

    select
        person_id,
        responded_at,
        case when metric = 'nps' then score end as nps_score,
        case when metric = 'csat' then score end as csat_score,
        row_number() over (
            partition by person_id order by responded_at, survey_score_id
        ) as answer_number
    from {{ ref('fct_survey_scores') }}
    where person_id is not null

),

last_answers as (

    select
        person_id,
        arg_max(nps_score, answer_number) as last_nps_score,
        arg_max(csat_score, answer_number) as last_csat_score,
        max(responded_at) as last_answered_at
    from answers
    group by person_id

)

select
    coalesce(tickets.person_id, last_answers.person_id) as person_id,
    coalesce(tickets.open_ticket_count, 0)::integer as open_ticket_count,
    last_answers.last_nps_score,
    last_answers.last_csat_score,
    last_answers.last_answered_at
from tickets
full outer join last_answers on tickets.person_id = last_answers.person_id
