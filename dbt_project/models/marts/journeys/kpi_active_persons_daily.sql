with dates as (

    select * from {{ ref('dim_dates') }}

),

-- Each move is counted once; the slices are sums of what is left.
finest as (

    select
        move_date,
        persona,
        move,
        count(*) as move_count
    from {{ ref('int_active_persons_derived') }}
    group by move_date, persona, move

),

moves as (

    select
        move_date,
        {{ slice_of(['persona']) }},
        sum(move_count) filter (where move = 'new') as new_count,
        sum(move_count) filter (where move = 'returning') as returning_count,
        sum(move_count) filter (where move = 'resurrecting') as resurrecting_count,
        sum(move_count) filter (where move = 'dormant') as dormant_count
    from finest
    group by grouping sets ((move_date), (move_date, persona))

),

values_of_dimensions as (

    select
        dimension,
        dimension_value,
        min(move_date) as first_date
    from moves
    group by dimension, dimension_value

),

counted as (

    select
        dates.calendar_date as active_date,
        values_of_dimensions.dimension,
        values_of_dimensions.dimension_value,
        coalesce(moves.new_count, 0) as new_count,
        coalesce(moves.returning_count, 0) as returning_count,
        coalesce(moves.resurrecting_count, 0) as resurrecting_count,
        coalesce(moves.dormant_count, 0) as dormant_count
    from dates
    inner join values_of_dimensions on dates.calendar_date >= values_of_dimensions.first_date
    left join moves
        on
            dates.calendar_date = moves.move_date
            and values_of_dimensions.dimension = moves.dimension
            and values_of_dimensions.dimension_value = moves.dimension_value

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
    {{ is_complete('active_date', 'day') }} as is_complete,
    active_date
from counted
