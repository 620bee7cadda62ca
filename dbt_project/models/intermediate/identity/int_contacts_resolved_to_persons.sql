{{ config(materialized='view') }}

select
    identifier_value as contact_id,
    person_id
from {{ ref('int_identifiers_resolved_to_persons') }}
where identifier_type = 'contact'
