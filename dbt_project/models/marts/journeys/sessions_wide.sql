with placed as (

    select
        sessions.session_id,
        count(*) as order_count,
        sum(orders.contracted_amount_reporting) as contracted_amount_reporting,
        sum(orders.paid_amount_reporting) as paid_amount_reporting
    from {{ ref('int_orders_matched_to_sessions') }} as sessions
    inner join {{ ref('orders_wide') }} as orders on sessions.order_id = orders.order_id
    group by sessions.session_id

)

select
    sessions.session_id,
    sessions.person_id,
    sessions.visitor_id,
    sessions.channel,
    channels.name_ja as channel_name_ja,
    channels.name_en as channel_name_en,
    sessions.traffic_source,
    sessions.traffic_medium,
    sessions.campaign,
    sessions.landing_page_url,
    sessions.exit_page_url,
    sessions.device_type,
    sessions.country_code,
    persons.persona,
    persons.acquisition_channel,
    dates.weekday_name_ja,
    dates.weekday_name_en,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    coalesce(placed.contracted_amount_reporting, 0)::decimal(18, 3) as contracted_amount_reporting,
    coalesce(placed.paid_amount_reporting, 0)::decimal(18, 3) as paid_amount_reporting,
    sessions.event_count,
    sessions.page_view_count,
    sessions.conversion_count,
    coalesce(placed.order_count, 0)::integer as order_count,
    sessions.visitor_session_number,
    sessions.session_seconds,
    sessions.engaged_seconds,
    dates.year_number,
    dates.month_number,
    dates.fiscal_year_number,
    dates.fiscal_quarter_number,
    sessions.is_engaged,
    dates.is_weekend,
    dates.is_holiday,
    dates.month_start_date,
    sessions.session_date,
    sessions.started_at
from {{ ref('fct_sessions') }} as sessions
left join placed on sessions.session_id = placed.session_id
left join {{ ref('dim_persons') }} as persons on sessions.person_id = persons.person_id
left join {{ ref('dim_channels') }} as channels on sessions.channel = channels.channel
left join {{ ref('dim_dates') }} as dates on sessions.session_date = dates.calendar_date
