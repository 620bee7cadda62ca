with source as (

    select * from {{ source('raw_crm', 'subscriptions') }}

),

-- Which of several rows without a day is older is not known: the newest counts alone.
placed as (

    select
        *,
        count(_extracted_on) over (partition by subscription_id) > 0 as has_dates,
        {{ is_newest_version(['subscription_id']) }} as is_newest
    from source

)

select
    subscription_id,
    row_number() over (
        partition by subscription_id order by _extracted_on, _load_sequence, _content_hash
    ) as version_number,
    billing_period,
    currency_code,
    period_amount,
    -- A row is as young as its youngest sighting, so a version begins when the one before it was
    -- seen last.
    lag(_extracted_on) over (
        partition by subscription_id order by _extracted_on, _load_sequence, _content_hash
    ) as previous_seen_date,
    _extracted_on as last_seen_date
from placed
where is_newest or (has_dates and _extracted_on is not null)
