{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with identifiers as (

    select * from {{ ref('int_identifiers_resolved_to_persons') }}
    where {{ is_touched_person('person_id') }}

)

select
    identifier_id,
    person_id,
    identifier_type,
    identifier_value,
    joined_by_rule,
    is_shared_device,
    first_seen_at
from identifiers
