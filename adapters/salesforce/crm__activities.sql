select
    id as activity_id,
    who_id as contact_id,
    coalesce(
        completed_date_time::varchar, activity_date::varchar, created_date::varchar
    ) as occurred_at,
    lower(coalesce(task_subtype, type, 'task')) as activity_type,
    'outbound' as direction,
    lower(coalesce(task_subtype, type, 'task')) as channel,
    status as outcome
from tasks
where who_id is not null and is_deleted is distinct from true
order by activity_id
