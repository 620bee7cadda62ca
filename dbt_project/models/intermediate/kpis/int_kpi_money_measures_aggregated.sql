with revenue_points as (

    select * from {{ ref('fct_revenue_points') }}

),

renewals as (

    select order_id
    from revenue_points
    where point_type = 'renewal'

),

channels as (

    select * from {{ ref('dim_channels') }}

),

persons as (

    select * from {{ ref('dim_persons') }}

),

order_measures as (

    select
        'orders' as counted_from,
        {{ business_date('revenue_points.occurred_at') }} as kpi_date,
        revenue_points.preceding_channel as channel,
        persons.persona,
        count(*) filter (where revenue_points.point_type = 'renewal') as renewals,
        sum(revenue_points.contracted_amount_reporting) filter (
            where revenue_points.point_type = 'order'
        ) as paid_order_value
    from revenue_points
    left join persons on revenue_points.person_id = persons.person_id
    where revenue_points.point_type in ('order', 'renewal') and revenue_points.is_order_paid
    group by
        {{ business_date('revenue_points.occurred_at') }},
        revenue_points.preceding_channel,
        persons.persona

),

payment_measures as (

    select
        'payments' as counted_from,
        {{ business_date('revenue_points.occurred_at') }} as kpi_date,
        revenue_points.preceding_channel as channel,
        persons.persona,
        sum(revenue_points.paid_amount_reporting) as net_paid,
        sum(revenue_points.paid_amount_reporting) filter (
            where renewals.order_id is null
        ) as order_net_paid,
        sum(revenue_points.paid_amount_reporting) filter (
            where renewals.order_id is not null
        ) as renewal_net_paid,
        sum(revenue_points.paid_amount_reporting) filter (where channels.is_paid) as ad_net_paid,
        sum(revenue_points.paid_amount_reporting) filter (where channels.is_paid) as ad_return
    from revenue_points
    left join renewals on revenue_points.order_id = renewals.order_id
    left join channels on revenue_points.preceding_channel = channels.channel
    left join persons on revenue_points.person_id = persons.person_id
    where revenue_points.point_type in ('payment', 'refund', 'chargeback')
    group by
        {{ business_date('revenue_points.occurred_at') }},
        revenue_points.preceding_channel,
        persons.persona

),

-- An order's money, on the day of its first charge, and what was given back of it since.
settled_orders as (

    select
        order_id,
        {{ business_date('min(occurred_at) filter (where paid_amount > 0)') }} as kpi_date,
        arg_min(preceding_channel, (occurred_at, revenue_point_id)) filter (
            where paid_amount > 0
        ) as channel,
        max(person_id) as person_id,
        sum(greatest(paid_amount_reporting, 0)) as charged,
        sum(-least(paid_amount_reporting, 0)) as given_back
    from revenue_points
    where point_type in ('payment', 'refund', 'chargeback')
    group by order_id
    having count(*) filter (where paid_amount > 0) > 0

),

refund_measures as (

    select
        'settled_orders' as counted_from,
        settled_orders.kpi_date,
        settled_orders.channel,
        persons.persona,
        sum(settled_orders.charged) as charged,
        sum(least(settled_orders.charged, settled_orders.given_back)) as refunded
    from settled_orders
    left join persons on settled_orders.person_id = persons.person_id
    group by settled_orders.kpi_date, settled_orders.channel, persons.persona

),

ad_measures as (

    select
        'ad_costs' as counted_from,
        cost_date as kpi_date,
        channel,
        sum(impression_count) as impressions,
        -- Of impressions that are told: some networks tell clicks alone.
        sum(least(click_count, impression_count)) filter (
            where impression_count is not null
        ) as impressions_clicked,
        sum(click_count) as ad_clicks,
        sum(cost_amount_reporting) as ad_cost,
        -sum(cost_amount_reporting) as ad_return
    from {{ ref('int_ad_costs_valued') }}
    group by cost_date, channel

)

select * from order_measures
union all by name
select * from payment_measures
union all by name
select * from refund_measures
union all by name
select * from ad_measures
