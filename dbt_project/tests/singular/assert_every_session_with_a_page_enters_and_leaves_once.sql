-- Entries, exits, and the first and last steps of page paths: each month as many as sessions with a
-- page view; and each search is followed by another, by a page or by nothing.
with sessions as (

    select
        {{ month_start_date('sessions.session_date') }} as month_start_date,
        count(distinct steps.session_id) as session_count,
        count(*) as page_view_count
    from {{ ref('int_page_steps_derived') }} as steps
    inner join {{ ref('fct_sessions') }} as sessions on steps.session_id = sessions.session_id
    where steps.is_page_view
    group by {{ month_start_date('sessions.session_date') }}

),

pages as (

    select
        month_start_date,
        sum(page_view_count) as page_view_count,
        sum(page_visit_count) as page_visit_count,
        sum(entry_count) as entry_count,
        sum(exit_count) as exit_count
    from {{ ref('kpi_pages_monthly') }}
    group by month_start_date

),

paths as (

    select
        month_start_date,
        sum(step_count) as step_count
    from {{ ref('kpi_page_paths_monthly') }}
    group by month_start_date

)

select sessions.month_start_date::date as month_start_date
from sessions
left join pages on sessions.month_start_date = pages.month_start_date
left join paths on sessions.month_start_date = paths.month_start_date
where
    pages.page_view_count is distinct from sessions.page_view_count
    or pages.entry_count is distinct from sessions.session_count
    or pages.exit_count is distinct from sessions.session_count
    or paths.step_count is distinct from pages.page_visit_count + sessions.session_count
union all
select month_start_date
from {{ ref('kpi_site_searches_monthly') }}
where search_count != refined_search_count + search_page_count + search_exit_count
