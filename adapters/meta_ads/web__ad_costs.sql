-- Link clicks are visits; clicks (all) also count likes and profiles, and stand in where a report
-- has no link clicks at all. Rows of totals have no campaign, or `All` for a day or an ad.
with report_read as (

    select
        *,
        count(day) over (partition by _path) > 0 as has_days
    from report

),

costs as (  -- noqa: ST03

    select
        -- Without a breakdown by day, a row sums the days of the report: a sum has no day.
        case
            when day is not null then day
            when reporting_starts = reporting_ends then reporting_starts
            else error('a row sums several days')
        end as cost_date,
        coalesce(regexp_replace(trim(account_id), '^act_', ''), account_name) as ad_account_id,
        'facebook' as utm_source,
        'paid_social' as utm_medium,
        campaign_name as utm_campaign,
        coalesce(amount_spent_unit, currency) as currency_code,
        coalesce(amount_spent, 0) as cost,
        coalesce(impressions, 0) as impressions,
        case
            when count(link_clicks) over (partition by _path) > 0 then coalesce(link_clicks, 0)
            else coalesce(clicks_all, 0)
        end as clicks,
        _path
    from report_read
    where
        campaign_name is not null
        and (day is not null or not has_days)
        and 'All' not in (coalesce(ad_set_name, ''), coalesce(ad_name, ''))

)

select *
from daily_costs(costs)
order by cost_date, utm_medium, utm_campaign, ad_account_id
