select touchpoint_id
from {{ ref('fct_touchpoints') }}
where (person_id is null) != (journey_id is null)
