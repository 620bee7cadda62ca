{% set key = ['cost_date', 'utm_source', 'utm_medium', 'utm_campaign', 'ad_account_id'] %}

with source as (

    select * from {{ source('raw_web', 'ad_costs') }}

),

-- Platforms restate their costs; the newest version counts. A row that names no account is of one
-- that is named elsewhere.
newest as (

    select *
    from source
    qualify
        {{ is_newest_version(key) }}
        and (
            ad_account_id is not null
            or count(ad_account_id) over (
                partition by cost_date, utm_source, utm_medium, utm_campaign
            ) = 0
        )

)

select
    {{ surrogate_key(key) }} as ad_cost_id,
    lower(utm_source) as utm_source,
    lower(utm_medium) as utm_medium,
    lower(utm_campaign) as utm_campaign,
    currency_code,
    cost_amount,
    impressions as impression_count,
    clicks as click_count,
    cost_date <= {{ last_business_date() }} as is_known,
    cost_date
from newest
