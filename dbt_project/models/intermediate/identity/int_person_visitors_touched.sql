with identifiers as (

    select * from {{ touched_rows('dim_person_identifiers') }}

),

logins as (

    select * from {{ ref('int_web_logins_aggregated') }}

),

erased_visitors as (

    select * from {{ ref('int_identifiers_aggregated') }}
    where identifier_type = 'visitor' and is_erased

)

-- All devices of touched persons; shared ones too, where they logged in; and those of nobody.
select identifier_value as visitor_id
from identifiers
where identifier_type = 'visitor'
union
select logins.visitor_id
from logins
inner join identifiers
    on
        identifiers.identifier_type = 'user'
        and logins.user_id = identifiers.identifier_value
union
select identifier_value
from erased_visitors
