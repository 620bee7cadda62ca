with contacts as (

    select * from {{ ref('stg_crm__contacts') }}
    where is_known and referred_by_contact_id is not null

),

persons as (

    select * from {{ ref('int_contacts_resolved_to_persons') }}

)

-- Nobody recommends to oneself.
select
    contacts.contact_id,
    referred.person_id as referred_person_id,
    referrers.person_id as referrer_person_id,
    contacts.created_at
from contacts
left join persons as referred on contacts.contact_id = referred.contact_id
left join persons as referrers on contacts.referred_by_contact_id = referrers.contact_id
where referred.person_id is distinct from referrers.person_id
