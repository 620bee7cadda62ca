-- Money of an order is paid in several points; what brought it stands at the order's own.
with points as (

    select
        order_id,
        max(preceding_channel) filter (where point_type in ('order', 'renewal')) as channel,
        coalesce(sum(contracted_amount_reporting), 0) as contracted_amount_reporting,
        coalesce(sum(paid_amount_reporting), 0) as paid_amount_reporting
    from {{ ref('fct_revenue_points') }}
    where order_id is not null
    group by order_id

)

select
    orders.order_id,
    orders.person_id,
    orders.order_type,
    orders.order_status,
    orders.order_channel,
    orders.store,
    orders.coupon_code,
    points.channel,
    channels.name_ja as channel_name_ja,
    channels.name_en as channel_name_en,
    persons.persona,
    persons.country_code,
    persons.acquisition_channel,
    dates.weekday_name_ja,
    dates.weekday_name_en,
    orders.currency_code,
    orders.reporting_currency_code,
    orders.order_amount,
    orders.charged_amount,
    orders.returned_amount,
    orders.unpaid_amount,
    points.contracted_amount_reporting::decimal(18, 3) as contracted_amount_reporting,
    points.paid_amount_reporting::decimal(18, 3) as paid_amount_reporting,
    orders.paid_order_number,
    dates.year_number,
    dates.month_number,
    dates.fiscal_year_number,
    dates.fiscal_quarter_number,
    orders.is_paid,
    dates.is_weekend,
    dates.is_holiday,
    dates.month_start_date,
    orders.ordered_date,
    orders.delivered_date,
    orders.first_paid_date
from {{ ref('fct_orders') }} as orders
left join points on orders.order_id = points.order_id
left join {{ ref('dim_persons') }} as persons on orders.person_id = persons.person_id
left join {{ ref('dim_channels') }} as channels on points.channel = channels.channel
left join {{ ref('dim_dates') }} as dates on orders.ordered_date = dates.calendar_date
