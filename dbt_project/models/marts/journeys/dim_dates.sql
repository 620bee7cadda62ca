with bounds as (

    select
        coalesce(
            {{ business_date('min(occurred_at)') }},
            {{ last_business_date() }}
        ) as first_date,
        {{ last_business_date() }} as last_date
    from {{ ref('fct_touchpoints') }}

),

days as (

    select unnest(generate_series(first_date, last_date, interval '1 day'))::date as calendar_date
    from bounds

)

select
    calendar_date,
    date_trunc('week', calendar_date)::date as week_start_date,
    {{ month_start_date('calendar_date') }} as month_start_date,
    (array['月', '火', '水', '木', '金', '土', '日'])[isodow(calendar_date)] as weekday_name_ja,
    dayname(calendar_date) as weekday_name_en,
    year(calendar_date)::integer as year_number,
    quarter(calendar_date)::integer as quarter_number,
    month(calendar_date)::integer as month_number,
    isodow(calendar_date)::integer as weekday_number,
    isodow(calendar_date) >= 6 as is_weekend
from days
