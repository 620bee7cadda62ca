with source as (

    select * from {{ source('ops', 'list_entries') }}

)

select
    list_name,
    action,
    identifier_type,
    identifier_value,
    is_hold_out,
    listed_date,
    listed_at
from source
where {{ is_known('listed_at') }}
