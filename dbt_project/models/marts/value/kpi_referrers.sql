with contacts as (

    select * from {{ ref('stg_crm__contacts') }}
    where is_known and referred_by_contact_id is not null

),

identifiers as (

    select * from {{ ref('dim_person_identifiers') }}
    where identifier_type = 'contact'

),

persons as (

    select * from {{ ref('dim_persons') }}

),

-- A person comes on one word: the first that the CRM knows of.
referrals as (

    select
        referrers.person_id,
        referred.person_id as referred_person_id,
        contacts.created_at
    from contacts
    inner join identifiers as referred on contacts.contact_id = referred.identifier_value
    inner join identifiers as referrers
        on contacts.referred_by_contact_id = referrers.identifier_value
    where referred.person_id != referrers.person_id
    qualify row_number() over (
        partition by referred.person_id order by contacts.created_at, contacts.contact_id
    ) = 1

)

select
    referrals.person_id,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    sum(persons.paid_amount_reporting)::decimal(18, 3) as referred_paid_amount_reporting,
    count(*)::integer as referred_person_count,
    count(*) filter (where persons.paid_order_count > 0)::integer as referred_customer_count,
    min(referrals.created_at) as first_referred_at,
    max(referrals.created_at) as last_referred_at
from referrals
inner join persons on referrals.referred_person_id = persons.person_id
group by referrals.person_id
