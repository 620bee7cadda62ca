with steps as (

    select * from {{ ref('int_page_steps_derived') }}
    where is_page_view

),

sessions as (

    select
        session_id,
        is_engaged,
        conversion_count > 0 as is_converted
    from {{ ref('fct_sessions') }}

),

viewed as (

    select
        steps.*,
        sessions.is_converted,
        steps.is_entry and steps.next_page_path = '(exit)' and not sessions.is_engaged as is_bounce
    from steps
    inner join sessions on steps.session_id = sessions.session_id

),

-- A session enters by its first page and leaves by its last one.
counted as (

    select
        month_start_date,
        page_path,
        count(*) as page_view_count,
        count(*) filter (where is_page_visit) as page_visit_count,
        count(*) filter (where is_first_of_page) as session_count,
        count(*) filter (where is_first_of_page and is_converted) as converted_session_count,
        count(*) filter (where is_entry) as entry_count,
        count(*) filter (where next_page_path = '(exit)') as exit_count,
        count(*) filter (where is_bounce) as bounce_count
    from viewed
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

-- A session that saw several rare pages is one.
others as (

    select
        viewed.month_start_date,
        count(distinct viewed.session_id) as session_count,
        count(distinct case when viewed.is_converted then viewed.session_id end)
            as converted_session_count
    from viewed
    inner join ranked
        on
            viewed.month_start_date = ranked.month_start_date
            and viewed.page_path = ranked.page_path
    where viewed.is_first_of_page and ranked.page_rank > {{ var('path_rank_limit') }}
    group by viewed.month_start_date

),

-- Beyond the cut, pages are one row: what is rare is counted, not listed.
summed as (

    select *
    from ranked
    where page_rank <= {{ var('path_rank_limit') }}
    union all by name
    select
        ranked.month_start_date,
        '(other)' as page_path,
        sum(ranked.page_view_count) as page_view_count,
        sum(ranked.page_visit_count) as page_visit_count,
        others.session_count,
        others.converted_session_count,
        sum(ranked.entry_count) as entry_count,
        sum(ranked.exit_count) as exit_count,
        sum(ranked.bounce_count) as bounce_count,
        {{ var('path_rank_limit') }} + 1 as page_rank
    from ranked
    inner join others on ranked.month_start_date = others.month_start_date
    where ranked.page_rank > {{ var('path_rank_limit') }}
    group by ranked.month_start_date, others.session_count, others.converted_session_count

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
