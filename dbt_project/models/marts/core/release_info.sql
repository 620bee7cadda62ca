with files as (

    select * from {{ ref('stg_ops__files') }}
    where file_status = 'loaded'

)

-- What only publishing knows (release, checks, code) is filled in there, from the audit record.
select
    null::varchar as release_id,
    null::varchar as content_hash,
    null::varchar as data_set_name,
    null::boolean as is_synthetic,
    null::varchar as code_version,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    {{ var('minimum_answers') }}::integer as minimum_answer_count,
    null::integer as passed_check_count,
    null::integer as warned_check_count,
    null::integer as failed_check_count,
    sum(loaded_count)::bigint as loaded_row_count,
    sum(quarantined_count)::bigint as quarantined_row_count,
    {{ as_of_at() }} as as_of_at,
    max(data_through_at) filter (where source = 'web') as web_data_through_at,
    max(data_through_at) filter (where source = 'crm') as crm_data_through_at,
    max(data_through_at) filter (where source = 'survey') as survey_data_through_at,
    null::timestamp as built_at
from files
