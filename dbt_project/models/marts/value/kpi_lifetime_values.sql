with customers as (

    select
        *,
        {{ month_start_date('first_date') }} as cohort_month_date
    from {{ ref('int_customers_aggregated') }}

),

expected as (

    select * from {{ ref('int_customers_valued') }}

)

select
    {{ surrogate_key(['customers.sample', 'customers.cohort_month_date']) }} as lifetime_value_id,
    customers.sample,
    max(expected.model_fitness) as model_fitness,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    sum(expected.expected_amount::decimal(18, 2))::decimal(18, 3) as expected_amount_reporting,
    case when customers.sample = 'backtest' then sum(customers.actual_amount) end
    ::decimal(18, 3) as actual_amount_reporting,
    count(*)::integer as customer_count,
    case when customers.sample = 'backtest' then sum(customers.actual_count) end::integer
        as actual_order_count,
    round(sum(expected.expected_orders::decimal(18, 6))::double, 6)::double as expected_orders,
    round(
        sum(expected.expected_amount::decimal(18, 2))::double / count(expected.person_id), 6
    )::double as expected_value_per_customer,
    customers.cohort_month_date
from customers
left join expected
    on customers.sample = expected.sample and customers.person_id = expected.person_id
group by customers.sample, customers.cohort_month_date
