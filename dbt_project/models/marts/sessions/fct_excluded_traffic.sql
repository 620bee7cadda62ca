with sessions as (

    select * from {{ ref('int_sessions_aggregated') }}
    where exclusion_reason is not null

)

select
    {{ surrogate_key([business_date('started_at'), 'exclusion_reason']) }} as excluded_traffic_id,
    exclusion_reason,
    count(*)::bigint as session_count,
    sum(event_count)::bigint as event_count,
    count(distinct visitor_id)::bigint as visitor_count,
    {{ business_date('started_at') }} as session_date
from sessions
group by {{ business_date('started_at') }}, exclusion_reason
