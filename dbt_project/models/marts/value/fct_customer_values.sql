with customers as (

    select * from {{ ref('int_customers_aggregated') }}
    where sample = 'now'

),

expected as (

    select * from {{ ref('int_customers_valued') }}
    where sample = 'now'

)

select
    customers.person_id,
    expected.model_fitness,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    customers.repeat_amount::decimal(18, 3) as average_repeat_amount_reporting,
    expected.expected_amount::decimal(18, 2)::decimal(18, 3) as expected_amount_reporting,
    customers.repeat_count::integer as repeat_count,
    customers.recency_days::integer as recency_days,
    customers.age_days::integer as age_days,
    expected.expected_orders::double as expected_orders,
    {{ month_start_date('customers.first_date') }} as cohort_month_date
from customers
inner join expected on customers.person_id = expected.person_id
