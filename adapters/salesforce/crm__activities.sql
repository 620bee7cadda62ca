-- A task that is not done has not happened yet, and a call among colleagues reached nobody.
select
    id as activity_id,
    who_id as contact_id,
    coalesce(
        completed_date_time::varchar, activity_date::varchar, created_date::varchar
    ) as occurred_at,
    lower(coalesce(task_subtype, type, 'task')) as activity_type,
    case when call_type = 'inbound' then 'inbound' else 'outbound' end as direction,
    lower(coalesce(task_subtype, type, 'task')) as channel,
    status as outcome
from tasks
where
    who_id is not null
    and is_deleted is distinct from true
    and coalesce(is_closed, completed_date_time is not null or lower(status) = 'completed', true)
    and call_type is distinct from 'internal'
order by activity_id
