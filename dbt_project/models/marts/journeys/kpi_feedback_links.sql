with survey_scores as (

    select * from {{ ref('fct_survey_scores') }}
    where person_id is not null

),

transitions as (

    select * from {{ ref('fct_stage_transitions') }}
    where transition_type = 'lapse'

),

tickets as (

    select * from {{ ref('fct_touchpoints') }}
    where touchpoint_type = 'ticket' and person_id is not null

),

orders as (

    select
        *,
        lead(occurred_at) over (
            partition by person_id order by paid_order_number
        ) as next_order_at
    from {{ ref('fct_revenue_points') }}
    where point_type in ('order', 'renewal') and is_order_paid and person_id is not null

),

-- Did who scored us like this lapse within the time? Lapsing takes the journey's gap by itself.
lapsing as (

    select
        'score_to_lapse' as link,
        survey_scores.metric || ' ' || survey_scores.score_class as group_name,
        survey_scores.survey_score_id as case_id,
        coalesce(
            bool_or(
                transitions.occurred_at
                <= survey_scores.responded_at + interval '{{ var("link_days") }} days'
            ), false
        ) as has_outcome
    from survey_scores
    left join transitions
        on
            survey_scores.person_id = transitions.person_id
            and survey_scores.responded_at < transitions.occurred_at
    where
        survey_scores.metric in ('nps', 'csat', 'ces')
        and {{ is_known(
            "survey_scores.responded_at + interval '" ~ var('link_days') ~ " days'"
        ) }}
    group by survey_scores.metric, survey_scores.score_class, survey_scores.survey_score_id

),

-- Does who needed support after an order, and before the next one, order again within the time?
repeating as (

    select
        'support_to_repeat' as link,
        case when count(tickets.touchpoint_id) > 0 then 'with ticket' else 'without ticket' end
            as group_name,
        orders.revenue_point_id as case_id,
        coalesce(
            orders.next_order_at
            <= orders.occurred_at + interval '{{ var("link_days") }} days', false
        ) as has_outcome
    from orders
    left join tickets
        on
            orders.person_id = tickets.person_id
            and orders.occurred_at <= tickets.occurred_at
            and orders.occurred_at + interval '{{ var("link_days") }} days'
            > tickets.occurred_at
            and (orders.next_order_at is null or orders.next_order_at > tickets.occurred_at)
    where {{ is_known("orders.occurred_at + interval '" ~ var('link_days') ~ " days'") }}
    group by orders.revenue_point_id, orders.next_order_at, orders.occurred_at

),

cases as (

    select * from lapsing
    union all
    select * from repeating

),

counted as (

    select
        link,
        group_name,
        case when link = 'score_to_lapse' then split_part(group_name, ' ', 1) else 'ticket' end
            as comparison,
        count(*) as case_count,
        count(*) filter (where has_outcome) as outcome_count
    from cases
    group by link, group_name

),

compared as (

    select
        *,
        sum(case_count) over (partition by link, comparison) - case_count as other_case_count,
        sum(outcome_count) over (partition by link, comparison) - outcome_count
            as other_outcome_count,
        outcome_count::double / case_count as outcome_rate,
        case_count < {{ var('minimum_answers') }} as is_suppressed
    from counted

)

select
    {{ surrogate_key(['link', 'group_name']) }} as feedback_link_id,
    link,
    group_name,
    case_count::integer as case_count,
    case when not is_suppressed then outcome_count end::integer as outcome_count,
    case when not is_suppressed then round(outcome_rate, 6) end::double as outcome_rate,
    case
        when not is_suppressed
            then round(
                {{ score_bound("'csat'", 'outcome_rate', '0', 'case_count', '-') }}, 6
            )
    end::double as interval_low_value,
    case
        when not is_suppressed
            then round(
                {{ score_bound("'csat'", 'outcome_rate', '0', 'case_count', '+') }}, 6
            )
    end::double as interval_high_value,
    case
        when not is_suppressed and other_case_count >= {{ var('minimum_answers') }}
            then round(outcome_rate - other_outcome_count::double / other_case_count, 6)
    end::double as difference_rate,
    is_suppressed
from compared
