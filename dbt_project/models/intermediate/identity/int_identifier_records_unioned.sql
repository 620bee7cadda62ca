{{ config(materialized='view') }}  -- one of its two readers does without the hashes

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

deal_stage_changes as (

    select * from {{ ref('stg_crm__deal_stage_changes') }}
    where is_known

),

orders as (

    select * from {{ ref('int_orders_paid') }}

),

order_sessions as (

    select * from {{ ref('int_orders_matched_to_sessions') }}

),

order_lines as (

    select * from {{ ref('stg_crm__order_lines') }}

),

payments as (

    select * from {{ ref('stg_crm__payments') }}
    where is_known

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

scores as (

    select * from {{ ref('int_survey_answers_scored') }}

),

deal_details as (

    select
        change_id as record_id,
        deal_id,
        hash('deal_stage_change', deal_stage_changes) as row_hash
    from deal_stage_changes

),

order_details as (

    select
        'crm_order_session' as record_type,
        order_id as record_id,
        order_id,
        hash('order_session', order_sessions) as row_hash
    from order_sessions
    union all
    select
        'crm_order_line',
        order_line_id,
        order_id,
        hash('order_line', order_lines)
    from order_lines
    union all
    select
        'crm_payment',
        payment_id,
        order_id,
        hash('payment', payments)
    from payments

)

-- A record without seen_at tells more of a person whom another record names.
select
    'crm_contact' as record_type,
    contact_id as record_id,
    contact_id,
    user_id,
    email_hash,
    phone_hash,
    visitor_id,
    is_erased,
    created_at as seen_at,
    hash('contact', contacts) as row_hash
from contacts
union all by name
select
    'crm_referral' as record_type,
    contact_id as record_id,
    referred_by_contact_id as contact_id,
    created_at as seen_at,
    hash('referral', contacts) as row_hash
from contacts
union all by name
select
    'crm_contact_merge' as record_type,
    contact_id as record_id,
    contact_id,
    merged_into_contact_id,
    created_at as seen_at,
    coalesce(updated_at, created_at) as joined_at,
    hash('merge', contacts) as row_hash
from contacts
where contact_id != merged_into_contact_id
union all by name
select
    'crm_activity' as record_type,
    activity_id as record_id,
    contact_id,
    occurred_at as seen_at,
    hash('activity', activities) as row_hash
from activities
union all by name
select
    'crm_deal' as record_type,
    deal_id as record_id,
    contact_id,
    created_at as seen_at,
    hash('deal', deals) as row_hash
from deals
where is_known
union all by name
select
    'crm_deal_stage_change' as record_type,
    deal_details.record_id,
    deals.contact_id,
    deal_details.row_hash
from deal_details
inner join deals on deal_details.deal_id = deals.deal_id
union all by name
select
    'crm_order' as record_type,
    order_id as record_id,
    contact_id,
    ordered_at as seen_at,
    hash('order', orders) as row_hash
from orders
union all by name
select
    order_details.record_type,
    order_details.record_id,
    orders.contact_id,
    order_details.row_hash
from order_details
inner join orders on order_details.order_id = orders.order_id
union all by name
select
    'crm_subscription' as record_type,
    subscription_id as record_id,
    contact_id,
    started_at as seen_at,
    hash('subscription', subscriptions) as row_hash
from subscriptions
union all by name
select
    'crm_ticket' as record_type,
    ticket_id as record_id,
    contact_id,
    email_hash,
    opened_at as seen_at,
    hash('ticket', tickets) as row_hash
from tickets
union all by name
select
    'survey_invitation' as record_type,
    invitation_id as record_id,
    contact_id,
    email_hash,
    sent_at as seen_at,
    hash('invitation', invitations) as row_hash
from invitations
union all by name
select
    'survey_answer' as record_type,
    answer_id as record_id,
    contact_id,
    email_hash,
    visitor_id,
    responded_at as seen_at,
    hash('answer', answers) as row_hash
from answers
union all by name
select
    'survey_score' as record_type,
    answer_id as record_id,
    case when identifier_type = 'contact' then identifier_value end as contact_id,
    case when identifier_type = 'email' then identifier_value end as email_hash,
    case when identifier_type = 'visitor' then identifier_value end as visitor_id,
    hash('score', scores) as row_hash
from scores
