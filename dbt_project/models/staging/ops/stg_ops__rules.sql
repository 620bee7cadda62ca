with source as (

    select * from {{ source('ops', 'rules') }}

)

select
    rule_table,
    origin as rule_origin,
    file_name as rule_file_name,
    row_count as rule_count,
    own_row_count as own_rule_count,
    content_hash as rule_content_hash
from source
