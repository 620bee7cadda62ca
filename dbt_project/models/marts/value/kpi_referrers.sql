with persons as (

    select * from {{ ref('dim_persons') }}

),

-- A person comes on one word: the first that the CRM knows of.
referrals as (

    select *
    from {{ ref('int_referrals_matched') }}
    where referred_person_id is not null and referrer_person_id is not null
    qualify row_number() over (
        partition by referred_person_id order by created_at, contact_id
    ) = 1

)

select
    referrals.referrer_person_id as person_id,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    sum(persons.paid_amount_reporting)::decimal(18, 3) as referred_paid_amount_reporting,
    count(*)::integer as referred_person_count,
    count(*) filter (where persons.paid_order_count > 0)::integer as referred_customer_count,
    min(referrals.created_at) as first_referred_at,
    max(referrals.created_at) as last_referred_at
from referrals
inner join persons on referrals.referred_person_id = persons.person_id
group by referrals.referrer_person_id
