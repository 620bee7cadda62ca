with source as (

    select * from {{ source('ops', 'removed_events') }}

)

select
    visitor_id,
    user_id,
    email as email_hash,
    occurred_at
from source
