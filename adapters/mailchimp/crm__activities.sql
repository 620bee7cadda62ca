-- What contacts did with a campaign, whose name is that of the file, and when they left.
with contacts as (

    select
        lower(trim(email_address)) as email,
        min(euid) as contact_id
    from members
    group by lower(trim(email_address))

),

acts as (

    select
        'email_open' as activity_type,
        timestamp as occurred_at,
        email,
        _file as campaign,
        null as detail
    from opens
    union all
    select
        'email_click',
        timestamp,
        email,
        _file,
        url
    from clicks

),

unioned as (

    select
        acts.activity_type,
        contacts.contact_id,
        acts.occurred_at,
        acts.campaign,
        acts.detail
    from acts
    inner join contacts on lower(trim(acts.email)) = contacts.email
    union
    select
        'email_unsubscribed',
        euid,
        unsub_time,
        nullif(unsub_campaign_title, '(none)'),
        leid
    from members
    where unsub_time is not null

)

select
    'mailchimp-' || md5(
        concat_ws('|', activity_type, contact_id, epoch(occurred_at)::bigint, campaign, detail)
    ) as activity_id,
    contact_id,
    occurred_at,
    activity_type,
    'inbound' as direction,
    'email' as channel,
    campaign
from unioned
order by activity_id
