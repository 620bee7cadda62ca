with activities as (

    select * from {{ ref('stg_crm__activities') }}
    where is_known and direction = 'outbound'

),

touchpoints as (

    select * from {{ ref('fct_touchpoints') }}

),

actions as (

    select * from {{ newest_version('actions', ['action']) }}

),

entries as (

    select * from {{ ref('stg_ops__list_entries') }}
    where action is not null

),

identifiers as (

    select * from {{ ref('dim_person_identifiers') }}

),

-- What the company did, whether or not a list had asked for it.
contacted as (

    select
        touchpoints.person_id,
        actions.action,
        actions.channel,
        false as is_listed,
        false as is_hold_out,
        touchpoints.occurred_at as contacted_at,
        {{ business_date('touchpoints.occurred_at') }} as contact_date
    from activities
    inner join touchpoints on activities.activity_id = touchpoints.activity_id
    inner join actions
        on
            touchpoints.channel = actions.channel
            and (actions.campaign is null or touchpoints.campaign = actions.campaign)
    where touchpoints.person_id is not null
    union all
    select
        identifiers.person_id,
        actions.action,
        actions.channel,
        true as is_listed,
        entries.is_hold_out,
        entries.listed_at as contacted_at,
        entries.listed_date as contact_date
    from entries
    inner join actions on entries.action = actions.action
    inner join identifiers
        on
            entries.identifier_type = identifiers.identifier_type
            and entries.identifier_value = identifiers.identifier_value

)

select
    person_id,
    action,
    channel,
    is_listed,
    is_hold_out,
    contact_date,
    min(contacted_at) as contacted_at
from contacted
group by person_id, action, channel, is_listed, is_hold_out, contact_date
