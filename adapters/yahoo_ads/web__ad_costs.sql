-- Accounts of Yahoo! JAPAN are in yen; the report has no currency. Rows of totals have no day and
-- no campaign (`合計` stands in the first column, or nowhere).
with unioned as (

    select
        *,
        'cpc' as utm_medium
    from search
    union all by name
    select
        *,
        'display' as utm_medium
    from display

),

costs as (  -- noqa: ST03

    select
        日 as cost_date,
        アカウントid as ad_account_id,
        'yahoo' as utm_source,
        utm_medium,
        キャンペーン名 as utm_campaign,
        コスト as cost,
        'JPY' as currency_code,
        coalesce(インプレッション数, 0) as impressions,
        coalesce(クリック数, 0) as clicks,
        _path
    from unioned
    where 日 is not null and nullif(trim(キャンペーン名), '--') is not null

)

select *
from daily_costs(costs)
order by cost_date, utm_medium, utm_campaign, ad_account_id
