{{ config(schema='touched') }}

with touchpoints as (

    select
        *,
        max(case when is_own_act then occurred_at end) over (
            partition by person_id
            order by touchpoint_number
            rows between unbounded preceding and 1 preceding
        ) as last_act_at
    from {{ touched_rows('int_touchpoints_numbered') }}
    where person_id is not null

),

-- Only acts of the person start a journey. A gap of exactly the limit stays in it.
compared as (

    select
        *,
        occurred_at - last_act_at
        <= interval '{{ var("journey_gap_days") }} days' as is_within_gap
    from touchpoints

),

numbered as (

    select
        *,
        sum(case when is_own_act and is_within_gap is distinct from true then 1 else 0 end) over (
            partition by person_id
            order by touchpoint_number
            rows between unbounded preceding and current row
        )::integer as journey_number
    from compared

),

-- What others do lies in the journey that is open then, or in none.
assigned as (

    select * from numbered
    where is_own_act or is_within_gap

)

select
    touchpoint_id,
    {{ surrogate_key([
        'person_id',
        'first_value(touchpoint_id) over (
            partition by person_id, journey_number order by touchpoint_number
        )'
    ]) }} as journey_id,
    person_id,
    is_own_act,
    journey_number,
    touchpoint_number,
    row_number() over (
        partition by person_id, journey_number order by touchpoint_number
    ) as journey_touchpoint_number,
    occurred_at
from assigned
