with persons as (

    select * from {{ ref('int_persons_touched') }}

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}

),

logins as (

    select * from {{ ref('int_web_logins_aggregated') }}

),

erased_visitors as (

    select * from {{ ref('int_identifiers_unioned') }}
    where identifier_type = 'visitor' and is_erased

)

-- All devices of touched persons; shared ones too, where they logged in; and those of nobody.
select identifiers.identifier_value as visitor_id
from identifiers
inner join persons on identifiers.person_id = persons.person_id
where identifiers.identifier_type = 'visitor'
union
select logins.visitor_id
from logins
inner join identifiers
    on
        identifiers.identifier_type = 'user'
        and logins.user_id = identifiers.identifier_value
inner join persons on identifiers.person_id = persons.person_id
union
select identifier_value
from erased_visitors
