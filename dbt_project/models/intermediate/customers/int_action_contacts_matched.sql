with contacts as (

    select * from {{ ref('int_action_contacts_unioned') }}

),

actions as (

    select * from {{ newest_version('actions', ['action']) }}

),

purchases as (

    select
        person_id,
        ordered_at
    from {{ ref('fct_orders') }}
    where person_id is not null and is_paid and order_type != 'renewal'

),

segmented as (

    select * from {{ ref('int_customer_months_classified') }}

),

-- What a later contact of the same kind may have done is not credited to this one.
followed as (

    select
        contacts.*,
        least(
            contacts.contacted_at + actions.response_days * interval '1 day',
            coalesce(
                lead(contacts.contacted_at) over (
                    partition by contacts.action, contacts.person_id, contacts.is_listed
                    order by contacts.contact_date, contacts.is_hold_out
                ),
                contacts.contacted_at + actions.response_days * interval '1 day'
            )
        ) as credited_until_at,
        contacts.contacted_at + actions.response_days * interval '1 day' as judged_at,
        ({{ month_start_date('contacts.contact_date') }} - interval '1 month')::date
            as previous_month_date
    from contacts
    inner join actions on contacts.action = actions.action

),

answered as (

    select
        followed.action,
        followed.person_id,
        followed.contact_date,
        followed.is_listed,
        followed.is_hold_out,
        followed.previous_month_date,
        count(purchases.ordered_at) > 0 as has_response
    from followed
    left join purchases
        on
            followed.person_id = purchases.person_id
            and followed.contacted_at < purchases.ordered_at
            and followed.credited_until_at > purchases.ordered_at
    where followed.judged_at <= {{ as_of_at() }}
    group by
        followed.action,
        followed.person_id,
        followed.contact_date,
        followed.is_listed,
        followed.is_hold_out,
        followed.previous_month_date

)

-- The segment before the contact: whoever answered is new or active because of it.
select
    answered.action,
    answered.person_id,
    answered.contact_date,
    answered.is_listed,
    answered.is_hold_out,
    answered.has_response,
    coalesce(segmented.lifecycle, 'prospect') as response_segment
from answered
left join segmented
    on
        answered.person_id = segmented.person_id
        and answered.previous_month_date = segmented.month_start_date
