select
    {{ surrogate_key(['persona', 'stage', 'touchpoint_type']) }} as pain_point_id,
    persona,
    stage,
    touchpoint_type,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    at_stake_amount_reporting::decimal(18, 3) as at_stake_amount_reporting,
    journey_count::integer as journey_count,
    dropoff_count::integer as dropoff_count,
    ticket_count::integer as ticket_count,
    answer_count::integer as answer_count,
    dissatisfied_count::integer as dissatisfied_count,
    dropoff_rank::integer as dropoff_rank,
    dissatisfaction_rank::integer as dissatisfaction_rank,
    money_rank::integer as money_rank,
    priority_rank::integer as priority_rank,
    round(dropoff_count::double / nullif(journey_count, 0), 6)::double as dropoff_rate,
    round(dissatisfaction_rate, 6)::double as dissatisfaction_rate,
    round(ticket_count::double / nullif(journey_count, 0), 6)::double as ticket_raised_rate,
    priority_score::double as priority_score
from {{ ref('int_pain_points_scored') }}
where month_start_date is null
