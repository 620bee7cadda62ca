with source as (

    select * from {{ source('raw_crm', 'deals') }}

),

newest as (

    select *
    from source
    qualify {{ is_newest_version(['deal_id'], 'updated_at') }}

)

select
    deal_id,
    contact_id,
    pipeline,
    currency_code,
    case when closed_at is null or {{ is_known('closed_at') }} then status else 'open' end
        as deal_status,
    amount as deal_amount,
    {{ is_known('created_at') }} as is_known,
    created_at,
    {{ known_at('closed_at') }} as closed_at
from newest
where not coalesce({{ is_known('deleted_at') }}, false)
