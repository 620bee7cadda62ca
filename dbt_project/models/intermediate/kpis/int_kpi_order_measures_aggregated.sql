with conversions as (

    select
        conversions.channel,
        conversions.order_id,
        persons.persona,
        {{ business_date('conversions.occurred_at') }} as kpi_date
    from {{ ref('fct_conversions') }} as conversions
    left join {{ ref('dim_persons') }} as persons on conversions.person_id = persons.person_id
    where conversions.cycle = 'order'

),

orders as (

    select * from {{ ref('fct_orders') }}

),

sources as (

    select * from {{ ref('int_kpi_sources_aggregated') }}

)

-- Whether an order was placed with a coupon is known from the day on which coupons are told.
select
    'coupons' as counted_from,
    conversions.kpi_date,
    conversions.channel,
    conversions.persona,
    count(*) as coupon_measured_orders,
    count(orders.coupon_code) as coupon_orders
from conversions
inner join sources
    on
        sources.source_table = 'crm.orders.coupon_code'
        and conversions.kpi_date >= sources.first_seen_date
inner join orders on conversions.order_id = orders.order_id
group by conversions.kpi_date, conversions.channel, conversions.persona
