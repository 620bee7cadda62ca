with rules as (

    select * from {{ ref('stg_ops__rules') }}

)

select
    rule_table,
    rule_origin,
    rule_file_name,
    rule_count,
    own_rule_count,
    rule_content_hash
from rules
