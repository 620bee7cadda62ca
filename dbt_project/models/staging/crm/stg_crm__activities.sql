with source as (

    select * from {{ source('raw_crm', 'activities') }}

)

select
    activity_id,
    contact_id,
    lower(activity_type) as activity_type,
    direction,
    lower(channel) as activity_channel,
    campaign,
    outcome,
    currency_code,
    cost_amount,
    {{ is_known('occurred_at') }} as is_known,
    occurred_at
from source
