with source as (

    select * from {{ source('ops', 'quarantined_rows') }}

)

select
    file_id,
    source,
    table_name,
    row_number,
    reason,
    column_name
from source
