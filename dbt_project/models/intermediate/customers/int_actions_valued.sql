with currencies as (

    select
        currency_code,
        arg_max(rate, rate_date) as rate
    from {{ ref('currency_rates') }}
    where
        reporting_currency_code = {{ reporting_currency() }}
        and rate_date <= {{ last_business_date() }}
    group by currency_code

),

actions as (

    select * from {{ newest_version('actions', ['action']) }}

),

programmes as (

    select * from {{ newest_version('action_programmes', ['programme']) }}

)

select
    actions.action,
    actions.programme,
    actions.action_order,
    actions.name_ja,
    actions.name_en,
    actions.channel,
    actions.action_kind,
    actions.campaign,
    actions.reached,
    actions.needed_consent,
    {{ in_money(
        'actions.cost_amount * case when actions.currency_code = ' ~ reporting_currency()
        ~ ' then 1 else currencies.rate end',
        reporting_currency()
    ) }} as action_cost_amount_reporting,
    actions.value_basis,
    actions.value_amount * case
        when actions.currency_code = {{ reporting_currency() }} then 1 else currencies.rate
    end as value_amount_reporting,
    actions.margin_rate,
    actions.response_days,
    actions.assumed_response_rate,
    actions.cap_count,
    actions.cap_days,
    actions.daily_capacity,
    programmes.hold_out_rate,
    programmes.hold_out_salt,
    -- A budget in a currency without a rate pays for nothing.
    case
        when programmes.daily_budget_amount is not null
            then coalesce(
                programmes.daily_budget_amount * case
                    when programmes.currency_code = {{ reporting_currency() }} then 1
                    else budget_currencies.rate
                end,
                0
            )
    end as daily_budget_amount_reporting,
    case
        when programmes.monthly_budget_amount is not null
            then coalesce(
                programmes.monthly_budget_amount * case
                    when programmes.currency_code = {{ reporting_currency() }} then 1
                    else budget_currencies.rate
                end,
                0
            )
    end as monthly_budget_amount_reporting
from actions
inner join programmes on actions.programme = programmes.programme
left join currencies on actions.currency_code = currencies.currency_code
left join currencies as budget_currencies
    on programmes.currency_code = budget_currencies.currency_code
