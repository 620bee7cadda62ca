select
    id as activity_id,
    who_id as contact_id,
    coalesce(completed_date_time, activity_date, created_date) as occurred_at,
    lower(coalesce(task_subtype, type, 'task')) as activity_type,
    'outbound' as direction,
    lower(coalesce(task_subtype, type, 'task')) as channel,
    status as outcome
from tasks
where who_id is not null and coalesce(lower(is_deleted), 'false') != 'true'
order by activity_id
