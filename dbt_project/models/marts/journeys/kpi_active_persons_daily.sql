with touchpoints as (

    select
        person_id,
        persona,
        {{ business_date('occurred_at') }} as active_date
    from {{ ref('fct_touchpoints') }}
    where person_id is not null

),

dates as (

    select * from {{ ref('dim_dates') }}

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

),

-- Who was active within the limit is in the base; who was not for longer is dormant until coming
-- back.
moves as (

    select
        active_date as move_date,
        persona,
        case
            when previous_date is null then 'new'
            when active_date - previous_date > {{ var('journey_gap_days') }} then 'resurrecting'
            else 'returning'
        end as move
    from bounded
    union all
    select
        active_date + {{ var('journey_gap_days') | int + 1 }},
        persona,
        'dormant'
    from bounded
    where next_date is null or next_date - active_date > {{ var('journey_gap_days') }}

),

sliced as (

    select
        move_date,
        move,
        'all' as dimension,
        'all' as dimension_value
    from moves
    union all
    select
        move_date,
        move,
        'persona',
        persona
    from moves

),

values_of_dimensions as (

    select
        dimension,
        dimension_value,
        min(move_date) as first_date
    from sliced
    group by dimension, dimension_value

),

counted as (

    select
        dates.calendar_date as active_date,
        values_of_dimensions.dimension,
        values_of_dimensions.dimension_value,
        count(*) filter (where sliced.move = 'new') as new_count,
        count(*) filter (where sliced.move = 'returning') as returning_count,
        count(*) filter (where sliced.move = 'resurrecting') as resurrecting_count,
        count(*) filter (where sliced.move = 'dormant') as dormant_count
    from dates
    inner join values_of_dimensions on dates.calendar_date >= values_of_dimensions.first_date
    left join sliced
        on
            dates.calendar_date = sliced.move_date
            and values_of_dimensions.dimension = sliced.dimension
            and values_of_dimensions.dimension_value = sliced.dimension_value
    group by
        dates.calendar_date, values_of_dimensions.dimension, values_of_dimensions.dimension_value

)

select
    {{ surrogate_key(['active_date', 'dimension', 'dimension_value']) }} as active_persons_id,
    dimension,
    dimension_value,
    new_count::integer as new_count,
    returning_count::integer as returning_count,
    resurrecting_count::integer as resurrecting_count,
    dormant_count::integer as dormant_count,
    sum(new_count + resurrecting_count - dormant_count) over (
        partition by dimension, dimension_value
        order by active_date
        rows between unbounded preceding and current row
    )::integer as base_count,
    active_date
from counted
