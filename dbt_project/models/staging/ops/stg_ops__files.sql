with source as (

    select * from {{ source('ops', 'files') }}

)

select
    file_id,
    source,
    table_name,
    file_name,
    status as file_status,
    reject_code,
    reject_column,
    reject_message,
    new_columns,
    missing_columns,
    rows_in as row_count,
    rows_loaded as loaded_count,
    rows_duplicate as duplicate_count,
    rows_quarantined as quarantined_count,
    rows_erased as erased_count,
    rows_expired as expired_count,
    coalesce(is_built, false) as is_built,
    data_through_at
from source
