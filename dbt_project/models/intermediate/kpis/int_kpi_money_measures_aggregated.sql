with revenue_points as (

    select * from {{ ref('fct_revenue_points') }}

),

renewals as (

    select order_id
    from revenue_points
    where point_type = 'renewal'

),

costs as (

    select * from {{ ref('int_marketing_costs_valued') }}

),

credits as (

    select * from {{ ref('fct_attribution_credits') }}
    where method = '{{ var("kpi_attribution_method") }}'

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
        ) as renewal_net_paid
    from revenue_points
    left join renewals on revenue_points.order_id = renewals.order_id
    left join persons on revenue_points.person_id = persons.person_id
    where revenue_points.point_type in ('payment', 'refund', 'chargeback')
    group by
        {{ business_date('revenue_points.occurred_at') }},
        revenue_points.preceding_channel,
        persons.persona

),

-- Who is a member is known from the first membership on.
memberships as (

    select max(first_seen_date) as first_seen_date
    from {{ ref('int_kpi_sources_aggregated') }}
    where source_table = 'crm.contacts.member_since_at'

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
        min(occurred_at) filter (where paid_amount > 0) as charged_at,
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
        sum(least(settled_orders.charged, settled_orders.given_back)) as refunded,
        sum(settled_orders.charged) filter (
            where settled_orders.kpi_date >= memberships.first_seen_date
        ) as membership_measured_charged,
        sum(settled_orders.charged) filter (
            where persons.member_since_at <= settled_orders.charged_at
        ) as member_charged
    from settled_orders
    cross join memberships
    left join persons on settled_orders.person_id = persons.person_id
    group by settled_orders.kpi_date, settled_orders.channel, persons.persona

),

-- Return is of what costs: money that attribution credits to channels with known costs.
return_measures as (

    select
        'credits' as counted_from,
        {{ business_date('credits.occurred_at') }} as kpi_date,
        credits.channel,
        persons.persona,
        sum(credits.paid_amount_reporting) as ad_net_paid,
        sum(credits.paid_amount_reporting) as ad_return
    from credits
    left join persons on credits.person_id = persons.person_id
    where
        credits.channel in (
            select costs.channel from costs
            where costs.cost_amount_reporting > 0
        )
    group by {{ business_date('credits.occurred_at') }}, credits.channel, persons.persona

),

cost_measures as (

    select
        'costs' as counted_from,
        cost_date as kpi_date,
        channel,
        sum(impression_count) as impressions,
        -- Of impressions that are reported: some networks report clicks alone.
        sum(least(click_count, impression_count)) filter (
            where impression_count is not null
        ) as impressions_clicked,
        sum(click_count) as ad_clicks,
        sum(cost_amount_reporting) filter (where cost_source = 'ads') as ad_cost,
        sum(cost_amount_reporting) as marketing_cost,
        -sum(cost_amount_reporting) as ad_return
    from costs
    group by cost_date, channel

)

select * from order_measures
union all by name
select * from payment_measures
union all by name
select * from refund_measures
union all by name
select * from return_measures
union all by name
select * from cost_measures
