{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with touchpoints as (

    select
        person_id,
        coalesce(persona, '(not set)') as persona,
        {{ business_date('occurred_at') }} as active_date
    from {{ touched_rows('fct_touchpoints') }}
    where person_id is not null and is_own_act

),

active_days as (

    select
        person_id,
        min(persona) as persona,
        active_date
    from touchpoints
    group by person_id, active_date

),

bounded as (

    select
        *,
        lag(active_date) over person_days as previous_date,
        lead(active_date) over person_days as next_date
    from active_days
    window person_days as (partition by person_id order by active_date)

)

-- Who acted on one of as many days as the limit has, today among them, is in the base; who did not
-- is dormant until coming back. An act on the very day after them keeps the person in.
select
    person_id,
    persona,
    case
        when previous_date is null then 'new'
        when active_date - previous_date > {{ var('journey_gap_days') }} then 'resurrecting'
        else 'returning'
    end as move,
    active_date as move_date
from bounded
union all
select
    person_id,
    persona,
    'dormant',
    active_date + {{ var('journey_gap_days') }}
from bounded
where next_date is null or next_date - active_date > {{ var('journey_gap_days') }}
