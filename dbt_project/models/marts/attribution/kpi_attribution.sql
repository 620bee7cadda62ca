with credits as (

    select
        *,
        {{ month_start_date(business_date('occurred_at')) }} as month_start_date
    from {{ ref('fct_attribution_credits') }}

),

costs as (

    select * from {{ ref('int_marketing_costs_valued') }}

),

methods as (

    select
        method,
        method_version
    from credits
    group by method, method_version

),

credited as (

    select
        month_start_date,
        method,
        method_version,
        channel,
        coalesce(campaign, '(not set)') as campaign,
        sum(conversion_credit) filter (where conversion_type = 'first_order') as first_orders,
        sum(conversion_credit) filter (where conversion_type = 'repeat_order') as repeat_orders,
        sum(conversion_credit) filter (where conversion_type = 'lead') as leads,
        sum(conversion_credit) filter (where conversion_type = 'registration') as registrations,
        sum(conversion_credit) as conversions,
        sum(paid_amount_reporting) as paid_amount_reporting
    from credits
    group by month_start_date, method, method_version, channel, coalesce(campaign, '(not set)')

),

spent as (

    select
        methods.method,
        methods.method_version,
        {{ month_start_date('costs.cost_date') }} as month_start_date,
        costs.channel,
        coalesce(costs.campaign, '(not set)') as campaign,
        sum(costs.cost_amount_reporting) as cost_amount_reporting
    from costs
    cross join methods
    group by
        methods.method,
        methods.method_version,
        {{ month_start_date('costs.cost_date') }},
        costs.channel,
        coalesce(costs.campaign, '(not set)')

),

-- A campaign may cost without a conversion, and convert without a cost.
joined as (

    select
        coalesce(credited.month_start_date, spent.month_start_date) as month_start_date,
        coalesce(credited.method, spent.method) as method,
        coalesce(credited.method_version, spent.method_version) as method_version,
        coalesce(credited.channel, spent.channel) as channel,
        coalesce(credited.campaign, spent.campaign) as campaign,
        coalesce(credited.first_orders, 0) as first_orders,
        coalesce(credited.repeat_orders, 0) as repeat_orders,
        coalesce(credited.leads, 0) as leads,
        coalesce(credited.registrations, 0) as registrations,
        coalesce(credited.conversions, 0) as conversions,
        coalesce(credited.paid_amount_reporting, 0) as paid_amount_reporting,
        -- An unknown cost is not one of 0.
        {{ in_money('spent.cost_amount_reporting', reporting_currency()) }}
            as cost_amount_reporting
    from credited
    full outer join spent
        on
            credited.month_start_date = spent.month_start_date
            and credited.method = spent.method
            and credited.channel = spent.channel
            and credited.campaign = spent.campaign

)

select
    {{ surrogate_key(['month_start_date', 'method', 'channel', 'campaign']) }} as attribution_id,
    method,
    channel,
    campaign,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    paid_amount_reporting::decimal(18, 3) as paid_amount_reporting,
    cost_amount_reporting::decimal(18, 3) as cost_amount_reporting,
    method_version::integer as method_version,
    first_orders::decimal(24, 9) as first_order_credit,
    repeat_orders::decimal(24, 9) as repeat_order_credit,
    leads::decimal(24, 9) as lead_credit,
    registrations::decimal(24, 9) as registration_credit,
    (conversions - first_orders - repeat_orders - leads - registrations)::decimal(24, 9)
        as other_credit,
    round(cost_amount_reporting::double / nullif(first_orders + repeat_orders, 0), 6)::double
        as cost_per_order,
    round(cost_amount_reporting::double / nullif(first_orders, 0), 6)::double
        as customer_acquisition_cost,
    round(paid_amount_reporting::double / nullif(cost_amount_reporting, 0), 6)::double
        as return_on_ad_spend,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from joined
