with ends as (

    select
        currency_code,
        cancelled_amount,
        coalesce(cancellation_reason, '(not set)') as cancellation_reason,
        {{ month_start_date('ended_date') }} as month_start_date
    from {{ ref('int_subscription_ends_classified') }}
    where not is_plan_change

),

counted as (

    select
        month_start_date,
        currency_code,
        cancellation_reason,
        count(*) as cancelled_subscription_count,
        sum(cancelled_amount) as cancelled_amount
    from ends
    group by month_start_date, currency_code, cancellation_reason

)

select
    {{ surrogate_key(['month_start_date', 'currency_code', 'cancellation_reason']) }}
        as cancellation_id,
    cancellation_reason,
    currency_code,
    cancelled_amount::decimal(18, 3) as cancelled_amount,
    cancelled_subscription_count::integer as cancelled_subscription_count,
    round(
        cancelled_subscription_count::double
        / sum(cancelled_subscription_count) over (partition by month_start_date, currency_code),
        6
    )::double as cancellation_share,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from counted
