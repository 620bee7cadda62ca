with source as (

    select * from {{ source('ops', 'drift_findings') }}

)

select
    file_id,
    source,
    table_name,
    kind as drift_kind,
    coalesce(column_name, '') as drifted_column,
    severity,
    detail
from source
