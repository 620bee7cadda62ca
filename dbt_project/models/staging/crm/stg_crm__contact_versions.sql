with source as (

    select * from {{ source('raw_crm', 'contacts') }}

),

numbered as (

    select
        *,
        row_number() over (
            partition by contact_id
            order by updated_at nulls first, _extracted_on, _load_sequence, _content_hash
        ) as version_number
    from source

)

-- A version that does not say since when it holds does so since it was seen; the first one since
-- there is the contact.
select
    contact_id,
    version_number,
    nullif(lower(persona), '(not set)') as persona,
    coalesce(
        {{ business_date('updated_at') }},
        case when version_number > 1 then _extracted_on end,
        {{ business_date('created_at') }}
    ) as known_date
from numbered
where {{ is_known('created_at') }}
