with activities as (

    select * from {{ ref('stg_crm__activities') }}
    where is_known

),

-- A CRM keeps one activity per mail and notes in it that it was clicked; a mail tool keeps what was
-- sent and each click.
sent_emails as (

    select * from activities
    where
        activity_type = 'email_sent'
        or (activity_type in ('email', 'mailing') and direction = 'outbound')

),

-- A click is of the newest mail that its contact had of the campaign by then.
clicked_emails as (

    select distinct sent_emails.activity_id
    from activities
    asof inner join sent_emails
        on
            activities.contact_id = sent_emails.contact_id
            and coalesce(activities.campaign, '') = coalesce(sent_emails.campaign, '')
            and activities.occurred_at >= sent_emails.occurred_at
    where activities.activity_type = 'email_click'

),

deals as (

    select * from {{ ref('stg_crm__deals') }}
    where is_known and closed_at is not null

),

tickets as (

    select
        *,
        {{ business_date('opened_at') }} as kpi_date
    from {{ ref('fct_tickets') }}

),

contacts as (

    select * from {{ ref('int_contacts_resolved_to_persons') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

email_measures as (

    select
        'emails' as counted_from,
        {{ business_date('sent_emails.occurred_at') }} as kpi_date,
        'email' as channel,
        persons.persona,
        count(*) as emails_sent,
        count(*) filter (
            where sent_emails.outcome = 'clicked' or clicked_emails.activity_id is not null
        ) as emails_clicked
    from sent_emails
    left join clicked_emails on sent_emails.activity_id = clicked_emails.activity_id
    left join contacts on sent_emails.contact_id = contacts.contact_id
    left join persons on contacts.person_id = persons.person_id
    group by {{ business_date('sent_emails.occurred_at') }}, persons.persona

),

deal_measures as (

    select
        'deals' as counted_from,
        {{ business_date('deals.closed_at') }} as kpi_date,
        persons.persona,
        count(*) as deals_closed,
        count(*) filter (where deals.deal_status = 'won') as deals_won
    from deals
    left join contacts on deals.contact_id = contacts.contact_id
    left join persons on contacts.person_id = persons.person_id
    group by {{ business_date('deals.closed_at') }}, persons.persona

),

ticket_measures as (

    select
        'tickets' as counted_from,
        kpi_date,
        persona,
        count(*) as tickets,
        count(first_response_seconds) as tickets_responded,
        sum(first_response_seconds) / 3600.0 as first_response_hours,
        count(resolution_seconds) as tickets_resolved,
        sum(resolution_seconds) / 3600.0 as resolution_hours,
        count(handled_by) as handled_tickets,
        count(*) filter (where handled_by = 'bot') as bot_handled_tickets
    from tickets
    group by kpi_date, persona

),

score_measures as (

    select
        'answers' as counted_from,
        {{ business_date('responded_at') }} as kpi_date,
        persona,
        count(*) filter (where metric = 'csat') as csat_answers,
        count(*) filter (where score_class = 'satisfied') as csat_satisfied,
        count(*) filter (where metric = 'ces') as ces_answers,
        sum(scaled_score) filter (where metric = 'ces') as ces_points,
        count(*) filter (where metric = 'nps') as nps_answers,
        count(*) filter (where score_class = 'promoter') as nps_promoters,
        count(*) filter (where score_class = 'promoter')
        - count(*) filter (where score_class = 'detractor') as nps_balance,
        count(*) filter (where is_public_review) as reviews
    from {{ ref('fct_survey_scores') }}
    group by {{ business_date('responded_at') }}, persona

),

sentiment_measures as (

    select
        'labels' as counted_from,
        {{ business_date('occurred_at') }} as kpi_date,
        persona,
        count(*) as judged_mentions,
        count(*) filter (where sentiment = 'negative') as negative_mentions
    from {{ ref('int_labelled_feedback_unioned') }}
    where sentiment is not null
    group by {{ business_date('occurred_at') }}, persona

)

select * from email_measures
union all by name
select * from deal_measures
union all by name
select * from ticket_measures
union all by name
select * from score_measures
union all by name
select * from sentiment_measures
