with order_balances as (

    select * from {{ ref('int_order_balances_derived') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

bounds as (

    select
        {{ month_start_date(last_business_date()) }}
            as last_month_date

),

-- By how much each event moves the order's balances: moves add up over orders, balances of one
-- instant over events do not.
moved as (

    select
        coalesce(persons.persona, '(no customer)') as persona,
        order_balances.currency_code,
        {{ month_start_date(business_date('order_balances.occurred_at')) }}
            as month_start_date,
        order_balances.unpaid_amount - coalesce(
            lag(order_balances.unpaid_amount) over order_events, 0
        ) as unpaid_amount,
        order_balances.billed_unpaid_amount - coalesce(
            lag(order_balances.billed_unpaid_amount) over order_events, 0
        ) as billed_unpaid_amount,
        order_balances.pay_later_exposure_amount - coalesce(
            lag(order_balances.pay_later_exposure_amount) over order_events, 0
        ) as pay_later_exposure_amount,
        order_balances.prepaid_exposure_amount - coalesce(
            lag(order_balances.prepaid_exposure_amount) over order_events, 0
        ) as prepaid_exposure_amount,
        order_balances.undelivered_amount - coalesce(
            lag(order_balances.undelivered_amount) over order_events, 0
        ) as undelivered_amount
    from order_balances
    left join persons on order_balances.person_id = persons.person_id
    window
        order_events as (
            partition by order_balances.order_id
            order by order_balances.occurred_at, order_balances.event_type
        )

),

moves as (

    select
        persona,
        currency_code,
        month_start_date,
        sum(unpaid_amount) as unpaid_amount,
        sum(billed_unpaid_amount) as billed_unpaid_amount,
        sum(pay_later_exposure_amount) as pay_later_exposure_amount,
        sum(prepaid_exposure_amount) as prepaid_exposure_amount,
        sum(undelivered_amount) as undelivered_amount
    from moved
    group by persona, currency_code, month_start_date

),

-- Every month from the first move on, also those in which nothing moved.
months as (

    select
        first_moves.persona,
        first_moves.currency_code,
        unnest(generate_series(
            first_moves.first_month_date, bounds.last_month_date, interval '1 month'
        ))::date as month_start_date
    from (
        select
            persona,
            currency_code,
            min(month_start_date) as first_month_date
        from moves
        group by persona, currency_code
    ) as first_moves
    cross join bounds

),

standing as (

    select
        months.persona,
        months.currency_code,
        months.month_start_date,
        sum(coalesce(moves.unpaid_amount, 0)) over months_so_far as unpaid_amount,
        sum(coalesce(moves.billed_unpaid_amount, 0)) over months_so_far as billed_unpaid_amount,
        sum(coalesce(moves.pay_later_exposure_amount, 0)) over months_so_far
            as pay_later_exposure_amount,
        sum(coalesce(moves.prepaid_exposure_amount, 0)) over months_so_far
            as prepaid_exposure_amount,
        sum(coalesce(moves.undelivered_amount, 0)) over months_so_far as undelivered_amount
    from months
    left join moves
        on
            months.persona = moves.persona
            and months.currency_code = moves.currency_code
            and months.month_start_date = moves.month_start_date
    window
        months_so_far as (
            partition by months.persona, months.currency_code
            order by months.month_start_date
            rows between unbounded preceding and current row
        )

)

select
    {{ surrogate_key(['month_start_date', 'persona', 'currency_code']) }} as payment_exposure_id,
    persona,
    currency_code,
    unpaid_amount::decimal(18, 3) as unpaid_amount,
    billed_unpaid_amount::decimal(18, 3) as billed_unpaid_amount,
    pay_later_exposure_amount::decimal(18, 3) as pay_later_exposure_amount,
    prepaid_exposure_amount::decimal(18, 3) as prepaid_exposure_amount,
    undelivered_amount::decimal(18, 3) as undelivered_amount,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from standing
