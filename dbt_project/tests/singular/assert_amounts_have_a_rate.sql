-- severity warn, owner Finance: money in a currency without a rate stays in its own currency and is
-- missing from reporting amounts; add the rate to rules/currency_rates.csv of the home.
{{ config(severity='warn') }}

select
    currency_code,
    count(*) as point_count
from {{ ref('fct_revenue_points') }}
where paid_amount_reporting is null
group by currency_code
