with source as (

    select * from {{ source('ops', 'builds') }}

)

select
    build_key,
    as_of_at
from source
