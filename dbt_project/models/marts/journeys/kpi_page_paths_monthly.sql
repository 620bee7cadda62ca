with steps as (

    select * from {{ ref('int_page_steps_derived') }}
    where is_page_view

),

sessions as (

    select * from {{ ref('fct_sessions') }}

),

pages as (

    select
        steps.session_id,
        steps.page_number,
        min(steps.page_path) as page_path,
        row_number() over (partition by steps.session_id order by steps.page_number)
            as visit_number,
        {{ month_start_date('sessions.session_date') }} as month_start_date
    from steps
    inner join sessions on steps.session_id = sessions.session_id
    group by steps.session_id, steps.page_number, sessions.session_date

),

-- Each page of a session with the next one; the way in and the way out are steps, too.
ways as (

    select
        session_id,
        month_start_date,
        page_path,
        coalesce(
            lead(page_path) over (partition by session_id order by page_number), '(exit)'
        ) as next_page_path
    from pages
    union all
    select
        session_id,
        month_start_date,
        '(entrance)',
        page_path
    from pages
    where visit_number = 1

),

counted as (

    select
        month_start_date,
        page_path,
        next_page_path,
        count(*) as step_count
    from ways
    group by month_start_date, page_path, next_page_path

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

listed as (

    select
        *,
        step_rank <= {{ var('path_rank_limit') }} as is_listed
    from ranked

),

-- Beyond the cut, steps are one row: what is rare is counted, not listed.
cut as (

    select
        ways.session_id,
        ways.month_start_date,
        case when listed.is_listed then ways.page_path else '(other)' end as page_path,
        case when listed.is_listed then ways.next_page_path else '(other)' end as next_page_path,
        case when listed.is_listed then listed.page_step_count end as page_step_count,
        case when listed.is_listed then listed.step_rank else {{ var('path_rank_limit') }} + 1 end
            as step_rank
    from ways
    inner join listed
        on
            ways.month_start_date = listed.month_start_date
            and ways.page_path = listed.page_path
            and ways.next_page_path = listed.next_page_path

)

select
    {{ surrogate_key(['month_start_date', 'step_rank']) }} as page_step_id,
    page_path,
    next_page_path,
    step_rank::integer as step_rank,
    count(*)::integer as step_count,
    count(distinct session_id)::integer as session_count,
    round(count(*)::double / max(page_step_count), 6)::double as page_step_rate,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date::date as month_start_date
from cut
group by month_start_date, page_path, next_page_path, step_rank
