-- What reached a known contact: submitted forms, and marketing e-mails by their recipient.
with recipients as (

    select
        property_email,
        min(id) as contact_id
    from contacts
    where property_email is not null
    group by property_email

),

unioned as (

    select
        'form-' || conversion_id as activity_id,
        contact_id,
        timestamp as occurred_at,
        'form_submission' as activity_type,
        'inbound' as direction,
        'form' as channel,
        title as campaign
    from form_submissions
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
    inner join recipients on emails.recipient = recipients.property_email
)

select *
from unioned
order by activity_id
