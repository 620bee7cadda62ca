with visits as (

    select * from {{ ref('int_page_steps_derived') }}
    where is_page_visit

),

-- Each page with the next one; the way in and the way out are steps, too.
counted as (

    select
        month_start_date,
        page_path,
        next_page_path,
        count(*) as step_count,
        count(*) filter (where is_first_of_step) as session_count
    from visits
    group by month_start_date, page_path, next_page_path
    union all
    select
        month_start_date,
        '(entrance)' as page_path,
        page_path as next_page_path,
        count(*) as step_count,
        count(*) as session_count
    from visits
    where is_entry
    group by month_start_date, page_path

),

ranked as (

    select
        *,
        row_number() over (
            partition by month_start_date
            order by step_count desc, page_path asc, next_page_path asc
        ) as step_rank,
        sum(step_count) over (partition by month_start_date, page_path) as page_step_count
    from counted

),

rare as (

    select * from ranked
    where step_rank > {{ var('path_rank_limit') }}

),

rare_sessions as (

    select
        visits.month_start_date,
        visits.session_id
    from visits
    inner join rare
        on
            visits.month_start_date = rare.month_start_date
            and visits.page_path = rare.page_path
            and visits.next_page_path = rare.next_page_path
    where visits.is_first_of_step
    union all
    select
        visits.month_start_date,
        visits.session_id
    from visits
    inner join rare
        on
            visits.month_start_date = rare.month_start_date
            and visits.page_path = rare.next_page_path
    where visits.is_entry and rare.page_path = '(entrance)'

),

-- A session with several rare steps is one.
others as (

    select
        month_start_date,
        count(distinct session_id) as session_count
    from rare_sessions
    group by month_start_date

),

-- Beyond the cut, steps are one row: what is rare is counted, not listed.
cut as (

    select *
    from ranked
    where step_rank <= {{ var('path_rank_limit') }}
    union all by name
    select
        rare.month_start_date,
        '(other)' as page_path,
        '(other)' as next_page_path,
        sum(rare.step_count) as step_count,
        others.session_count,
        {{ var('path_rank_limit') }} + 1 as step_rank
    from rare
    inner join others on rare.month_start_date = others.month_start_date
    group by rare.month_start_date, others.session_count

)

select
    {{ surrogate_key(['month_start_date', 'step_rank']) }} as page_step_id,
    page_path,
    next_page_path,
    step_rank::integer as step_rank,
    step_count::integer as step_count,
    session_count::integer as session_count,
    round(step_count::double / page_step_count, 6)::double as page_step_rate,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date::date as month_start_date
from cut
