with source as (

    select * from {{ source('raw_crm', 'deal_stage_changes') }}

)

select
    change_id,
    deal_id,
    lower(deal_stage) as deal_stage,
    {{ is_known('changed_at') }} as is_known,
    changed_at
from source
