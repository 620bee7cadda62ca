{% set kpis = [
    'impressions', 'ad_clicks', 'ctr', 'visits', 'unique_visitors', 'new_visitors', 'ad_cost',
    'marketing_cost', 'cpc', 'engaged_sessions', 'engaged_rate', 'document_requests', 'leads',
    'inbound_leads', 'outbound_leads', 'registrations', 'cart_adds', 'email_click_rate',
    'conversions', 'order_sessions', 'converting_sessions', 'cvr', 'order_rate',
    'offline_orders', 'offline_order_rate', 'coupon_order_rate', 'revenue', 'order_revenue',
    'revenue_per_conversion', 'aov', 'cac', 'cart_abandonment_rate', 'new_customers',
    'win_rate', 'days_to_purchase', 'active_customers', 'stickiness', 'usage_frequency',
    'tickets', 'tickets_per_customer', 'first_response_hours', 'resolution_hours',
    'bot_handled_rate', 'onboarding_completion_rate', 'csat', 'negative_sentiment_rate', 'ces',
    'repeat_orders', 'renewals', 'subscription_starts', 'renewal_revenue', 'repeat_rate',
    'retention_rate', 'churn_rate', 'subscription_retention_rate', 'subscription_churn_rate',
    'cancellations', 'days_between_orders', 'arpu', 'ltv', 'member_revenue_share',
    'refund_rate', 'nps', 'promoters', 'referrals', 'reviews', 'roas', 'roi'
] %}

with months as (

    select * from {{ ref('kpi_monthly') }}
    where dimension = 'all'

)

select
    {% for kpi in kpis %}
        (max(kpi_value) filter (where kpi = '{{ kpi }}'))::decimal(24, 6) as kpi_{{ kpi }},
    {% endfor %}
    {{ reporting_currency() }} as reporting_currency_code,
    bool_and(is_complete) as is_complete,
    month_start_date
from months
group by month_start_date
