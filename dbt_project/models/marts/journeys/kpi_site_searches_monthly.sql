with all_steps as (

    select * from {{ ref('int_page_steps_derived') }}

),

steps as (

    select * from all_steps
    where
        session_id in (
            select searching.session_id
            from all_steps as searching
            where searching.is_site_search
        )

),

result_counts as (

    select
        event_id,
        regexp_full_match(property_value, '0+([.]0+)?') as is_without_result
    from {{ ref('int_event_properties_derived') }}
    where
        event_property = 'search_results'
        and regexp_full_match(property_value, '[0-9]+([.][0-9]+)?')

),

sessions as (

    select * from {{ ref('fct_sessions') }}

),

purchase_types as (

    select * from {{ ref('conversion_types') }}
    where conversion_type = 'web_purchase'

),

purchases as (

    select
        events.session_id,
        max(events.occurred_at) as last_purchased_at
    from {{ ref('int_web_events_matched_to_sessions') }} as events
    inner join purchase_types
        on {{ matches('events.event_name', 'purchase_types.name_pattern') }}
    group by events.session_id

),

followed as (

    select
        *,
        lead(page_number) over session_searches as next_search_page_number,
        lead(is_page_view) over session_searches as is_next_search_a_page,
        max(page_number) over (partition by session_id) as last_page_number
    from steps
    window session_searches as (
        partition by session_id, is_site_search order by occurred_at, event_id
    )

),

-- What came next: another search on the same page or as the next one, another page, or nothing.
searches as (

    select
        followed.event_id,
        followed.session_id,
        {{ month_start_date('sessions.session_date') }} as month_start_date,
        coalesce(sessions.device_type, '(not set)') as device_type,
        result_counts.is_without_result,
        case
            when
                followed.next_search_page_number - followed.page_number
                <= followed.is_next_search_a_page::integer
                then 'search'
            when followed.last_page_number > followed.page_number then 'page'
            else 'exit'
        end as followed_by,
        coalesce(purchases.last_purchased_at > followed.occurred_at, false) as is_purchased
    from followed
    inner join sessions on followed.session_id = sessions.session_id
    left join result_counts on followed.event_id = result_counts.event_id
    left join purchases on followed.session_id = purchases.session_id
    where followed.is_site_search

),

sliced as (

    select
        month_start_date,
        {{ slice_of(['device_type']) }},
        count(*) as search_count,
        count(distinct session_id) as session_count,
        count(is_without_result) as known_result_count,
        count(*) filter (where is_without_result) as no_result_count,
        count(*) filter (where followed_by = 'search') as refined_search_count,
        count(*) filter (where followed_by = 'page') as search_page_count,
        count(*) filter (where followed_by = 'exit') as search_exit_count,
        count(*) filter (where is_purchased) as purchased_search_count
    from searches
    group by grouping sets ((month_start_date), (month_start_date, device_type))

)

select
    {{ surrogate_key(['month_start_date', 'dimension', 'dimension_value']) }} as site_search_id,
    dimension,
    dimension_value,
    search_count::integer as search_count,
    session_count::integer as session_count,
    case when known_result_count > 0 then no_result_count end::integer as no_result_count,
    refined_search_count::integer as refined_search_count,
    search_page_count::integer as search_page_count,
    search_exit_count::integer as search_exit_count,
    purchased_search_count::integer as purchased_search_count,
    round(no_result_count::double / nullif(known_result_count, 0), 6)::double as no_result_rate,
    round(search_exit_count::double / search_count, 6)::double as search_exit_rate,
    round(purchased_search_count::double / search_count, 6)::double as purchased_search_rate,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date::date as month_start_date
from sliced
