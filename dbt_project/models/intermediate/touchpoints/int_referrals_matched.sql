with contacts as (

    select * from {{ ref('stg_crm__contacts') }}
    where is_known and referred_by_contact_id is not null

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}
    where identifier_type = 'contact'

)

-- Nobody recommends to oneself.
select
    contacts.contact_id,
    referred.person_id as referred_person_id,
    referrers.person_id as referrer_person_id,
    contacts.created_at
from contacts
left join identifiers as referred on contacts.contact_id = referred.identifier_value
left join identifiers as referrers
    on contacts.referred_by_contact_id = referrers.identifier_value
where referred.person_id is distinct from referrers.person_id
