with rules as (

    select * from {{ ref('stg_ops__rules') }}

)

select
    rule_table,
    rule_origin,
    file_name,
    row_count,
    own_row_count,
    content_hash
from rules
