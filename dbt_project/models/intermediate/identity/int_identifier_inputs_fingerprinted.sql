with contacts as (

    select * from {{ ref('stg_crm__contacts') }}
    where is_known

),

activities as (

    select * from {{ ref('stg_crm__activities') }}
    where is_known

),

deals as (

    select * from {{ ref('stg_crm__deals') }}

),

told_deal_stage_changes as (

    select * from {{ ref('stg_crm__deal_stage_changes') }}
    where is_known

),

deal_stage_changes as (

    select
        deal_id,
        hash('deal_stage_change', told_deal_stage_changes) as row_hash
    from told_deal_stage_changes

),

orders as (

    select * from {{ ref('int_orders_paid') }}

),

told_order_sessions as (

    select * from {{ ref('int_orders_matched_to_sessions') }}

),

order_sessions as (

    select
        order_id,
        hash('order_session', told_order_sessions) as row_hash
    from told_order_sessions

),

told_order_lines as (

    select * from {{ ref('stg_crm__order_lines') }}

),

order_lines as (

    select
        order_id,
        hash('order_line', told_order_lines) as row_hash
    from told_order_lines

),

told_payments as (

    select * from {{ ref('stg_crm__payments') }}
    where is_known

),

payments as (

    select
        order_id,
        hash('payment', told_payments) as row_hash
    from told_payments

),

subscriptions as (

    select * from {{ ref('stg_crm__subscriptions') }}
    where is_known

),

tickets as (

    select * from {{ ref('stg_crm__tickets') }}
    where is_known

),

invitations as (

    select * from {{ ref('stg_survey__invitations') }}
    where is_known

),

answers as (

    select * from {{ ref('stg_survey__answers') }}
    where is_known

),

scored_answers as (

    select * from {{ ref('int_survey_answers_scored') }}

),

-- Whatever the CRM and surveys say, by each identifier that the row names.
told as (

    select
        'contact' as identifier_type,
        contact_id as identifier_value,
        hash('contact', contacts) as row_hash
    from contacts
    union all
    select
        'user',
        user_id,
        hash('contact', contacts)
    from contacts
    union all
    select
        'email',
        email_hash,
        hash('contact', contacts)
    from contacts
    union all
    select
        'phone',
        phone_hash,
        hash('contact', contacts)
    from contacts
    union all
    select
        'visitor',
        visitor_id,
        hash('contact', contacts)
    from contacts
    union all
    select
        'contact',
        referred_by_contact_id,
        hash('referral', contacts)
    from contacts
    union all
    select
        'contact',
        merged_into_contact_id,
        hash('merge', contacts)
    from contacts
    union all
    select
        'contact',
        contact_id,
        hash('activity', activities)
    from activities
    union all
    select
        'contact',
        contact_id,
        hash('deal', deals)
    from deals
    union all
    select
        'contact',
        deals.contact_id,
        deal_stage_changes.row_hash
    from deal_stage_changes
    inner join deals on deal_stage_changes.deal_id = deals.deal_id
    union all
    select
        'contact',
        contact_id,
        hash('order', orders)
    from orders
    union all
    select
        'contact',
        orders.contact_id,
        order_sessions.row_hash
    from order_sessions
    inner join orders on order_sessions.order_id = orders.order_id
    union all
    select
        'contact',
        orders.contact_id,
        order_lines.row_hash
    from order_lines
    inner join orders on order_lines.order_id = orders.order_id
    union all
    select
        'contact',
        orders.contact_id,
        payments.row_hash
    from payments
    inner join orders on payments.order_id = orders.order_id
    union all
    select
        'contact',
        contact_id,
        hash('subscription', subscriptions)
    from subscriptions
    union all
    select
        'contact',
        contact_id,
        hash('ticket', tickets)
    from tickets
    union all
    select
        'email',
        email_hash,
        hash('ticket', tickets)
    from tickets
    union all
    select
        'contact',
        contact_id,
        hash('invitation', invitations)
    from invitations
    union all
    select
        'email',
        email_hash,
        hash('invitation', invitations)
    from invitations
    union all
    select
        'contact',
        contact_id,
        hash('answer', answers)
    from answers
    union all
    select
        'email',
        email_hash,
        hash('answer', answers)
    from answers
    union all
    select
        'visitor',
        visitor_id,
        hash('answer', answers)
    from answers
    union all
    select
        identifier_type,
        identifier_value,
        hash('score', scored_answers)
    from scored_answers

)

select
    identifier_type,
    identifier_value,
    sum(row_hash) as input_fingerprint
from told
where identifier_value is not null
group by identifier_type, identifier_value
