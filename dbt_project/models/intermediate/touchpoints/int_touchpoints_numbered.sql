with touchpoints as (

    select * from {{ ref('int_touchpoints_unioned') }}

),

touchpoint_types as (

    select * from {{ ref('touchpoint_types') }}

),

channels as (

    select * from {{ ref('channels') }}

),

contacts as (

    select * from {{ ref('stg_crm__contacts') }}
    where is_known

),

identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}

),

-- A person's persona: that of the contact created first that states one.
personas as (

    select
        identifiers.person_id,
        contacts.persona
    from contacts
    inner join identifiers
        on
            identifiers.identifier_type = 'contact'
            and contacts.contact_id = identifiers.identifier_value
    where contacts.persona is not null
    qualify row_number() over (
        partition by identifiers.person_id order by contacts.created_at, contacts.contact_id
    ) = 1

)

select
    touchpoints.*,
    personas.persona,
    touchpoint_types.type_order,
    channels.is_online,
    case
        when touchpoints.person_id is not null
            then row_number() over (
                partition by touchpoints.person_id
                order by
                    touchpoints.occurred_at, touchpoint_types.type_order, touchpoints.touchpoint_id
            )
    end as touchpoint_number,
    case
        when touchpoints.person_id is not null
            then row_number() over (
                partition by
                    touchpoints.person_id, touchpoints.touchpoint_type, touchpoints.touchpoint_name
                order by touchpoints.occurred_at, touchpoints.touchpoint_id
            )
    end as type_number
from touchpoints
inner join touchpoint_types on touchpoints.touchpoint_type = touchpoint_types.touchpoint_type
inner join channels on touchpoints.channel = channels.channel
left join personas on touchpoints.person_id = personas.person_id
