with identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}

),

told_edges as (

    select * from {{ ref('int_identity_edges_guarded') }}

),

edges as (

    select
        left_identifier_id,
        right_identifier_id,
        hash('edge', told_edges) as row_hash
    from told_edges

),

contacts as (

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

answers as (

    select * from {{ ref('int_survey_answers_scored') }}

),

-- Whatever the CRM and surveys say of a person, by the identifier that it is said of.
told as (

    select
        'contact' as identifier_type,
        contact_id as identifier_value,
        hash('contact', contacts) as row_hash
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
        case when contact_id is not null then 'contact' else 'email' end,
        coalesce(contact_id, email_hash),
        hash('ticket', tickets)
    from tickets
    union all
    select
        identifier_type,
        identifier_value,
        hash('answer', answers)
    from answers

),

inputs as (

    select
        person_id,
        hash('identifier', identifiers) as row_hash
    from identifiers
    union all
    select
        identifiers.person_id,
        edges.row_hash
    from edges
    inner join identifiers on edges.left_identifier_id = identifiers.identifier_id
    union all
    select
        identifiers.person_id,
        edges.row_hash
    from edges
    inner join identifiers on edges.right_identifier_id = identifiers.identifier_id
    union all
    select
        identifiers.person_id,
        told.row_hash
    from told
    inner join identifiers
        on
            told.identifier_type = identifiers.identifier_type
            and told.identifier_value = identifiers.identifier_value

)

select
    person_id,
    sum(row_hash) as input_fingerprint
from inputs
group by person_id
