-- Once more, without following anybody: who acted on one of as many days as the limit has, the day
-- itself among them.
with days as (

    select
        person_id,
        {{ business_date('occurred_at') }} as active_date
    from {{ ref('fct_touchpoints') }}
    where person_id is not null and is_own_act
    group by person_id, {{ business_date('occurred_at') }}

),

-- Every tenth day: the join grows with the square of the limit.
checked as (

    select
        active_date,
        base_count
    from {{ ref('kpi_active_persons_daily') }}
    where dimension = 'all' and (active_date - date '2000-01-01') % 10 = 0

),

counted as (

    select
        checked.active_date,
        checked.base_count,
        count(distinct days.person_id) as person_count
    from checked
    left join days
        on
            checked.active_date >= days.active_date
            and checked.active_date - {{ var('journey_gap_days') }} < days.active_date
    group by checked.active_date, checked.base_count

)

select * from counted
where base_count != person_count
