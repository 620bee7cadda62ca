with source as (

    select * from {{ source('ops', 'rules') }}

)

select
    rule_table,
    origin as rule_origin,
    file_name,
    row_count,
    own_row_count,
    content_hash
from source
