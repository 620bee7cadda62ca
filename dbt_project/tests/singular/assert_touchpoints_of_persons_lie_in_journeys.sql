-- Every act of a person lies in a journey of that person; what others do lies in one that was open
-- then, or in none.
select touchpoints.touchpoint_id
from {{ ref('fct_touchpoints') }} as touchpoints
left join {{ ref('fct_journeys') }} as journeys on touchpoints.journey_id = journeys.journey_id
where
    (touchpoints.person_id is not null and touchpoints.is_own_act and journeys.journey_id is null)
    or journeys.person_id != touchpoints.person_id
    or touchpoints.occurred_at < journeys.started_at
    or touchpoints.occurred_at
    > journeys.ended_at + interval '{{ var("journey_gap_days") }} days'
    or (touchpoints.is_own_act and touchpoints.occurred_at > journeys.ended_at)
