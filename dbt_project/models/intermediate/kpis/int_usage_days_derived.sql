with touchpoints as (

    select * from {{ ref('fct_touchpoints') }}
    where
        signalled_stage = 'use'
        and is_own_act
        and touchpoint_type in ('web_event', 'activity')
        and person_id is not null

)

-- A ticket is no use of the product, and many logins of a day are one day of it.
select
    person_id,
    persona,
    {{ business_date('occurred_at') }} as used_date
from touchpoints
group by person_id, persona, {{ business_date('occurred_at') }}
