with touches as (

    select * from {{ ref('int_conversion_touches_matched') }}
    where is_in_path

),

-- Numbers for ids and names: the windows below run over narrow rows, once per touch and method.
conversions as (

    select
        *,
        row_number() over (order by conversion_id) as conversion_number
    from {{ ref('int_conversions_unioned') }}

),

methods as (

    select
        *,
        row_number() over (order by method) as method_number
    from {{ newest_version('attribution_methods', ['method']) }}

),

markov as (

    select * from {{ ref('int_attribution_markov_valued') }}

),

shapley as (

    select * from {{ ref('int_attribution_shapley_valued') }}

),

described as (

    select
        conversions.conversion_number,
        conversions.paid_amount,
        conversions.paid_amount_reporting,
        conversions.currency_code,
        touches.touch_number,
        touches.touch_count,
        touches.channel_touch_count,
        touches.days_before,
        markov.removal_effect,
        shapley.rate_share,
        max(case when touches.channel != 'direct' then touches.touch_number end) over (
            partition by conversions.conversion_number
        ) as last_non_direct_number
    from touches
    inner join conversions on touches.conversion_id = conversions.conversion_id
    left join markov
        on touches.conversion_type = markov.conversion_type and touches.channel = markov.channel
    left join shapley
        on touches.conversion_type = shapley.conversion_type and touches.channel = shapley.channel

),

-- What each method gives a touch, before the touches of a conversion are made to sum to 1.
weighed as (

    select
        described.conversion_number,
        described.paid_amount,
        described.paid_amount_reporting,
        described.currency_code,
        described.touch_number,
        described.touch_count,
        methods.method_number,
        case methods.method
            when 'first' then (described.touch_number = 1)::integer
            when 'last' then (described.touch_number = described.touch_count)::integer
            when 'last_non_direct'
                then (
                    described.touch_number
                    = coalesce(described.last_non_direct_number, described.touch_count)
                )::integer
            when 'linear' then 1
            when 'position_based'
                then case
                    when described.touch_count <= 2 then 1
                    when described.touch_number in (1, described.touch_count) then 0.4
                    else 0.2 / (described.touch_count - 2)
                end
            when 'time_decay'
                then pow(2, -described.days_before / {{ var('attribution_half_life_days') }})
            when 'markov' then described.removal_effect / described.channel_touch_count
            when 'shapley_set' then 1.0 / described.channel_touch_count
            when 'shapley_rate' then described.rate_share / described.channel_touch_count
        end::double as weight
    from described
    cross join methods

),

-- A running sum has one order of its terms; its last one is the total to the last digit.
accumulated as (

    select
        *,
        sum(weight) over (
            partition by conversion_number, method_number order by touch_number
            rows between unbounded preceding and current row
        ) as weight_so_far
    from weighed

),

-- Where a method gives nothing to any touch of a conversion, all share.
shared as (

    select
        *,
        case
            when last_value(weight_so_far) over conversion_touches > 0
                then weight_so_far / last_value(weight_so_far) over conversion_touches
            else touch_number::double / touch_count
        end as share_so_far
    from accumulated
    window
        conversion_touches as (
            partition by conversion_number, method_number order by touch_number
            rows between unbounded preceding and unbounded following
        )

),

-- Credits and cents are differences of rounded sums, so that they sum exactly.
rounded as (

    select
        *,
        case
            when touch_number = touch_count then 1
            else round(share_so_far, 9)
        end::decimal(12, 9) as credit_so_far
    from shared

),

-- Wide enough: a product of two narrow decimals stays narrow, and overflows.
attributed as (

    select
        conversion_number,
        method_number,
        touch_number,
        credit_so_far,
        {{ in_money('paid_amount::decimal(20, 3) * credit_so_far', 'currency_code') }}
            as paid_so_far,
        {{ in_money(
            'paid_amount_reporting::decimal(20, 3) * credit_so_far', reporting_currency()
        ) }} as reporting_so_far
    from rounded

),

parts as (

    select
        conversion_number,
        method_number,
        touch_number,
        credit_so_far - coalesce(lag(credit_so_far) over conversion_touches, 0) as credit,
        paid_so_far - coalesce(lag(paid_so_far) over conversion_touches, 0) as paid_amount,
        reporting_so_far - coalesce(lag(reporting_so_far) over conversion_touches, 0)
            as paid_amount_reporting
    from attributed
    window
        conversion_touches as (
            partition by conversion_number, method_number order by touch_number
        )

),

credited as (

    select
        touches.conversion_id,
        touches.touchpoint_id,
        conversions.person_id,
        methods.method,
        methods.method_version,
        conversions.conversion_type,
        touches.channel,
        touches.campaign,
        conversions.currency_code,
        conversions.is_conversion,
        parts.credit,
        parts.paid_amount,
        parts.paid_amount_reporting,
        conversions.occurred_at
    from parts
    inner join methods on parts.method_number = methods.method_number
    inner join conversions on parts.conversion_number = conversions.conversion_number
    inner join touches
        on
            conversions.conversion_id = touches.conversion_id
            and parts.touch_number = touches.touch_number
    where parts.credit != 0 or parts.paid_amount != 0 or parts.paid_amount_reporting != 0

),

untouched as (

    select
        conversions.*,
        methods.method,
        methods.method_version
    from conversions
    cross join methods
    where
        conversions.conversion_id not in (
            select touches.conversion_id from touches
        )

),

unioned as (

    select * from credited
    union all
    select
        conversion_id,
        null,
        person_id,
        method,
        method_version,
        conversion_type,
        '(unattributed)',
        null,
        currency_code,
        is_conversion,
        1,
        paid_amount,
        paid_amount_reporting,
        occurred_at
    from untouched

)

select
    {{ surrogate_key(['conversion_id', 'touchpoint_id', 'method']) }} as credit_id,
    conversion_id,
    touchpoint_id,
    person_id,
    method,
    conversion_type,
    channel,
    campaign,
    currency_code,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    paid_amount::decimal(18, 3) as paid_amount,
    paid_amount_reporting::decimal(18, 3) as paid_amount_reporting,
    credit::decimal(12, 9) as credit,
    case when is_conversion then credit else 0 end::decimal(12, 9) as conversion_credit,
    method_version::integer as method_version,
    {{ business_date('occurred_at') }} as occurred_date,
    occurred_at
from unioned
