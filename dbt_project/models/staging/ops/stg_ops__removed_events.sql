with source as (

    select * from {{ source('ops', 'removed_events') }}

)

select
    visitor_id,
    occurred_at
from source
