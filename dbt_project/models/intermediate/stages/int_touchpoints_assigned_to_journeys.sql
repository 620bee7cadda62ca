{{ config(schema='touched') }}

with touchpoints as (

    select * from {{ touched_rows('int_touchpoints_numbered') }}
    where person_id is not null

),

-- A gap of exactly the limit stays in the journey.
gaps as (

    select
        *,
        lag(occurred_at) over (partition by person_id order by touchpoint_number) as previous_at
    from touchpoints

),

numbered as (

    select
        *,
        sum(
            case
                when previous_at is null then 1
                when
                    occurred_at - previous_at > interval '{{ var("journey_gap_days") }} days'
                    then 1
                else 0
            end
        ) over (
            partition by person_id
            order by touchpoint_number
            rows between unbounded preceding and current row
        )::integer as journey_number
    from gaps

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
    journey_number,
    touchpoint_number,
    row_number() over (
        partition by person_id, journey_number order by touchpoint_number
    ) as journey_touchpoint_number,
    occurred_at
from numbered
