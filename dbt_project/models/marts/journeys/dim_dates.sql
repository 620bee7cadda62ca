-- Who is known may be known from before the first touchpoint.
with known as (

    select min(occurred_at) as first_at
    from {{ ref('fct_touchpoints') }}
    union all
    select min(first_seen_at)
    from {{ ref('fct_identity_edges') }}

),

bounds as (

    select
        coalesce({{ business_date('min(first_at)') }}, {{ last_business_date() }}) as first_date,
        {{ last_business_date() }} as last_date
    from known

),

days as (

    select unnest(generate_series(first_date, last_date, interval '1 day'))::date as calendar_date
    from bounds

),

-- A week belongs to the year of its Thursday (ISO 8601), a month to the fiscal year in which it
-- lies when years are moved to begin with the fiscal one.
described as (

    select
        calendar_date,
        date_trunc('week', calendar_date)::date as week_start_date,
        {{ month_start_date('calendar_date') }} as month_start_date,
        date_trunc('week', calendar_date)::date + 3 as thursday_date,
        (
            {{ month_start_date('calendar_date') }}
            - interval '{{ var("fiscal_year_first_month") | int - 1 }} months'
        )::date as fiscal_date
    from days

)

select
    described.calendar_date,
    described.week_start_date,
    described.month_start_date,
    (array['月', '火', '水', '木', '金', '土', '日'])[isodow(described.calendar_date)]
        as weekday_name_ja,
    dayname(described.calendar_date) as weekday_name_en,
    holidays.name_ja as holiday_name_ja,
    holidays.name_en as holiday_name_en,
    year(described.calendar_date)::integer as year_number,
    quarter(described.calendar_date)::integer as quarter_number,
    month(described.calendar_date)::integer as month_number,
    isodow(described.calendar_date)::integer as weekday_number,
    year(described.thursday_date)::integer as iso_year_number,
    (
        (described.thursday_date - date_trunc('year', described.thursday_date)::date)::integer // 7
        + 1
    )::integer as iso_week_number,
    year(described.fiscal_date)::integer as fiscal_year_number,
    quarter(described.fiscal_date)::integer as fiscal_quarter_number,
    isodow(described.calendar_date) >= 6 as is_weekend,
    holidays.holiday_date is not null as is_holiday,
    isodow(described.calendar_date) < 6 and holidays.holiday_date is null as is_business_day
from described
left join {{ ref('holidays') }} as holidays
    on described.calendar_date = holidays.holiday_date
