-- What reached a known contact: submitted forms, and marketing e-mails by their recipient. Events
-- that HubSpot filtered (bots, one's own company), or that a later one made obsolete, are none.
with recipients as (

    select
        lower(email) as email,
        min(id) as contact_id
    from newest_contacts
    where email is not null and not is_deleted
    group by lower(email)

),

unioned as (

    select
        'form-' || form_submissions.conversion_id as activity_id,
        coalesce(survivors.survivor_id, form_submissions.contact_id) as contact_id,
        form_submissions.timestamp as occurred_at,
        'form_submission' as activity_type,
        'inbound' as direction,
        'form' as channel,
        form_submissions.title as campaign
    from form_submissions
    left join survivors on form_submissions.contact_id = survivors.merged_id
    union all
    select
        'email-' || emails.id,
        recipients.contact_id,
        emails.created,
        'email_' || lower(emails.type),
        case when emails.type in ('OPEN', 'CLICK') then 'inbound' else 'outbound' end,
        'email',
        emails.email_campaign_id
    from emails
    inner join recipients on lower(emails.recipient) = recipients.email
    where emails.filtered_event is distinct from true and emails.obsoleted_by_id is null
)

select *
from unioned
order by activity_id
