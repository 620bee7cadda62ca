-- A ticket may stand in several exports: the newest counts, JSON before CSV. A view leaves out
-- much: what it does not say is taken from the others.
with tickets_read as (

    select
        unnest(
            coalesce(
                from_json(json -> '$.tickets', '["JSON"]'), [coalesce(json -> '$.ticket', json)]
            )
        ) as ticket
    from tickets

),

comments as (

    select
        ticket ->> '$.id' as ticket_id,
        ticket as of_ticket,
        unnest(from_json(ticket -> '$.comments', '["JSON"]')) as comment
    from tickets_read

),

replies as (

    select
        ticket_id,
        min(instant(comment ->> '$.created_at')) as first_reply_at
    from comments
    where
        (comment ->> '$.public') = 'true'
        and (comment ->> '$.author_id')
        != coalesce(of_ticket ->> '$.requester_id', of_ticket ->> '$.requester.id')
        -- What an agent wrote to open a ticket is no reply.
        and instant(comment ->> '$.created_at') > instant(of_ticket ->> '$.created_at')
    group by ticket_id

),

unioned as (

    select
        id as ticket_id,
        created_at as opened_at,
        updated_at,
        requester_id,
        nullif(requester_email, '-') as email,
        first_reply_time_in_minutes as reply_minutes,
        null::timestamptz as first_reply_at,
        solved_at,
        status,
        nullif(via, '-') as channel,
        lower(nullif(ticket_type, '-')) as category,
        lower(nullif(priority, '-')) as priority,
        contains(tags, 'closed_by_merge') as is_merged,
        1 as preference
    from ticket_table
    union all
    select
        tickets_read.ticket ->> '$.id',
        instant(tickets_read.ticket ->> '$.created_at'),
        instant(tickets_read.ticket ->> '$.updated_at'),
        coalesce(
            tickets_read.ticket ->> '$.requester_id', tickets_read.ticket ->> '$.requester.id'
        ),
        tickets_read.ticket ->> '$.requester.email',
        amount(tickets_read.ticket ->> '$.metric_set.reply_time_in_minutes.calendar'),
        replies.first_reply_at,
        instant(
            coalesce(
                tickets_read.ticket ->> '$.metric_set.solved_at',
                tickets_read.ticket ->> '$.solved_at'
            )
        ),
        tickets_read.ticket ->> '$.status',
        tickets_read.ticket ->> '$.via.channel',
        tickets_read.ticket ->> '$.type',
        tickets_read.ticket ->> '$.priority',
        contains(tickets_read.ticket ->> '$.tags', '"closed_by_merge"'),
        2
    from tickets_read
    left join replies on (tickets_read.ticket ->> '$.id') = replies.ticket_id

),

newest as (

    select
        ticket_id,
        min(opened_at) as opened_at,
        max(updated_at) as updated_at,
        arg_max(requester_id, version) as requester_id,
        arg_max(email, version) as email,
        arg_max(reply_minutes, version) as reply_minutes,
        min(first_reply_at) as first_reply_at,
        arg_max_null(solved_at, version) as solved_at,
        arg_max_null(status, version) as status,
        arg_max(channel, version) as channel,
        arg_max(category, version) as category,
        arg_max(priority, version) as priority,
        bool_or(is_merged) as is_merged
    from (
        select
            *,
            row(coalesce(updated_at, opened_at), preference, solved_at, status) as version
        from unioned
    ) as versions
    group by ticket_id

)

select
    'zendesk-' || ticket_id as ticket_id,
    opened_at,
    'zendesk-' || requester_id as contact_id,
    email,
    coalesce(opened_at + to_minutes(reply_minutes::bigint), first_reply_at) as first_responded_at,
    -- A ticket that was opened again keeps the time when it was solved before.
    case when status in ('solved', 'closed') then solved_at end as resolved_at,
    channel as ticket_channel,
    category,
    priority,
    updated_at,
    case when status = 'deleted' or is_merged then coalesce(updated_at, opened_at) end as deleted_at
from newest
order by ticket_id
