with named as (

    {{ identifiers_named_in(ref('int_identifier_records_unioned')) }}

)

select
    identifier_type,
    identifier_value,
    sum(row_hash) as input_fingerprint
from named
group by identifier_type, identifier_value
