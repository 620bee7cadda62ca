with steps as (

    select * from {{ ref('int_page_steps_derived') }}
    where is_page_view

),

sessions as (

    select * from {{ ref('fct_sessions') }}

),

viewed as (

    select
        steps.session_id,
        steps.page_path,
        {{ month_start_date('sessions.session_date') }} as month_start_date,
        sessions.is_engaged,
        sessions.conversion_count > 0 as is_converted,
        count(*) as page_view_count,
        count(distinct steps.page_number) as page_visit_count,
        min(steps.page_number) as first_page_number,
        max(steps.page_number) as last_page_number
    from steps
    inner join sessions on steps.session_id = sessions.session_id
    group by
        steps.session_id, steps.page_path, sessions.session_date, sessions.is_engaged,
        sessions.conversion_count

),

-- A session enters by its first page and leaves by its last one.
ended as (

    select
        *,
        first_page_number = min(first_page_number) over (partition by session_id) as is_entry,
        last_page_number = max(last_page_number) over (partition by session_id) as is_exit
    from viewed

),

counted as (

    select
        month_start_date,
        page_path,
        sum(page_view_count) as page_view_count
    from ended
    group by month_start_date, page_path

),

ranked as (

    select
        *,
        row_number() over (
            partition by month_start_date order by page_view_count desc, page_path asc
        ) as page_rank
    from counted

),

-- Beyond the cut, pages are one row: what is rare is counted, not listed.
cut as (

    select
        ended.*,
        case
            when ranked.page_rank <= {{ var('path_rank_limit') }} then ended.page_path
            else '(other)'
        end as listed_path,
        least(ranked.page_rank, {{ var('path_rank_limit') }} + 1) as page_rank
    from ended
    inner join ranked
        on
            ended.month_start_date = ranked.month_start_date
            and ended.page_path = ranked.page_path

),

summed as (

    select
        month_start_date,
        listed_path as page_path,
        page_rank,
        sum(page_view_count) as page_view_count,
        sum(page_visit_count) as page_visit_count,
        count(distinct session_id) as session_count,
        count(distinct case when is_converted then session_id end) as converted_session_count,
        count(*) filter (where is_entry) as entry_count,
        count(*) filter (where is_exit) as exit_count,
        count(*) filter (where is_entry and is_exit and page_visit_count = 1 and not is_engaged)
            as bounce_count
    from cut
    group by month_start_date, listed_path, page_rank

)

select
    {{ surrogate_key(['month_start_date', 'page_path']) }} as page_month_id,
    page_path,
    page_rank::integer as page_rank,
    page_view_count::integer as page_view_count,
    page_visit_count::integer as page_visit_count,
    session_count::integer as session_count,
    converted_session_count::integer as converted_session_count,
    entry_count::integer as entry_count,
    exit_count::integer as exit_count,
    bounce_count::integer as bounce_count,
    round(exit_count::double / page_visit_count, 6)::double as exit_rate,
    round(bounce_count::double / nullif(entry_count, 0), 6)::double as bounce_rate,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date::date as month_start_date
from summed
