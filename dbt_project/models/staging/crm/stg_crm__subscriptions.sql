with source as (

    select * from {{ source('raw_crm', 'subscriptions') }}

),

newest as (

    select *
    from source
    qualify {{ is_newest_version(['subscription_id']) }}

)

select
    subscription_id,
    contact_id,
    plan as subscription_plan,
    lower(cancellation_reason) as cancellation_reason,
    billing_period,
    currency_code,
    period_amount,
    {{ is_known('started_at') }} as is_known,
    started_at,
    {{ known_at('ended_at') }} as ended_at
from newest
