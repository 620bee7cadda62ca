select
    count(distinct visitor_id) as visitor_count,
    count(distinct hash(visitor_id)) as hash_count
from {{ ref('int_sessions_aggregated') }}
having count(distinct visitor_id) != count(distinct hash(visitor_id))
