-- A task that is not done has not happened yet, and a call among colleagues reached nobody. The
-- subtype of what was not logged by a button of its own is `Task`, whatever its type says. A call
-- that nobody took is completed as well: its result says so.
with activities as (

    select
        *,
        lower(coalesce(nullif(lower(task_subtype), 'task'), type, task_subtype, 'task'))
            as activity_type
    from tasks

)

select
    id as activity_id,
    who_id as contact_id,
    coalesce(
        completed_date_time::varchar, activity_date::varchar, created_date::varchar
    ) as occurred_at,
    activity_type,
    case when call_type = 'inbound' then 'inbound' else 'outbound' end as direction,
    activity_type as channel,
    case
        when
            activity_type = 'call'
            and regexp_matches(
                call_disposition,
                'no.?answer|voice.?mail|busy|not.?reached|unanswered|不在|留守|応答なし|話し?中', 'i'
            )
            then 'no answer'
        else status
    end as outcome
from activities
where
    who_id is not null
    and is_deleted is distinct from true
    and coalesce(is_closed, completed_date_time is not null or lower(status) = 'completed', true)
    and call_type is distinct from 'internal'
order by activity_id
