-- With no maximum length and no cut at midnight or campaign, sessions lie more than the timeout
-- apart; with one of those options they at least never overlap.
with sessions as (

    select
        visitor_id,
        ended_at,
        lead(started_at) over (
            partition by visitor_id order by visitor_session_number
        ) as next_started_at
    from {{ ref('fct_sessions') }}

)

select *
from sessions
where
    next_started_at < ended_at
    or (
        not {{ var('session_new_at_midnight') }}
        and not {{ var('session_new_on_campaign') }}
        and {{ var('session_maximum_minutes') }} = 0
        and next_started_at - ended_at <= interval '{{ var("session_timeout_minutes") }} minutes'
    )
