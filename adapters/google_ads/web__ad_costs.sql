with results_read as (

    select
        unnest(coalesce(from_json(json -> '$.results', '["JSON"]'), [json])) as result,
        _path
    from results

),

unioned as (

    select
        day as cost_date,
        -- The interface writes 123-456-7890, the API 1234567890.
        nullif(replace(trim(customer_id), '-', ''), '') as ad_account_id,
        'google' as utm_source,
        'cpc' as utm_medium,
        nullif(trim(campaign), '--') as utm_campaign,
        trim(currency_code) as currency_code,
        cost,
        impressions,
        clicks,
        _path
    from report
    union all
    select
        calendar_day(result ->> '$.segments.date'),
        result ->> '$.customer.id',
        'google',
        'cpc',
        result ->> '$.campaign.name',
        coalesce(
            result ->> '$.customer.currencyCode', result ->> '$.customer.currency_code'
        ),
        -- The API counts in millionths of the currency, and leaves out what is 0.
        coalesce(result ->> '$.metrics.costMicros', result ->> '$.metrics.cost_micros', '0')
        ::decimal(18, 0) * 0.000001,
        amount(coalesce(result ->> '$.metrics.impressions', '0')),
        amount(coalesce(result ->> '$.metrics.clicks', '0')),
        _path
    from results_read

),

-- Rows of totals have no day or no campaign, or say what they are in the campaign's place.
costs as (  -- noqa: ST03

    select *
    from unioned
    where
        cost_date is not null
        and utm_campaign is not null
        and not regexp_matches(utm_campaign, '^(Total|合計) ?: ')

)

select *
from daily_costs(costs)
order by cost_date, utm_medium, utm_campaign, ad_account_id
