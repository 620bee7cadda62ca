with persons as (

    select * from {{ ref('dim_persons') }}

),

last_months as (

    select max(month_start_date) as month_start_date
    from {{ ref('int_customer_months_valued') }}

),

measured as (

    select *
    from {{ ref('int_customer_months_valued') }}
    where month_start_date in (select last_months.month_start_date from last_months)

),

segmented as (

    select *
    from {{ ref('int_customer_months_classified') }}
    where month_start_date in (select last_months.month_start_date from last_months)

),

customer_values as (

    select * from {{ ref('fct_customer_values') }}

),

records as (

    select * from {{ ref('int_person_records_aggregated') }}

),

journeys as (

    select
        person_id,
        count(*) as journey_count
    from {{ ref('fct_journeys') }}
    group by person_id

),

churn_risks as (

    select * from {{ ref('fct_churn_risks') }}

),

grouped as (

    select * from {{ ref('int_behaviour_groups_classified') }}

),

mappings as (

    select
        canonical_stage,
        max(stage) filter (where stage_model = 'five') as stage_five,
        max(stage) filter (where stage_model = 'four') as stage_four
    from {{ newest_version('stage_mappings', ['stage_model', 'canonical_stage']) }}
    group by canonical_stage

)

select
    persons.person_id,
    persons.persona,
    persons.country_code,
    persons.account_id,
    persons.loyalty_tier,
    persons.first_channel,
    persons.last_channel,
    persons.acquisition_channel,
    persons.current_stage,
    mappings.stage_five as current_stage_five,
    mappings.stage_four as current_stage_four,
    segmented.lifecycle,
    segmented.rfm_segment,
    segmented.value_tier,
    persons.reporting_currency_code,
    persons.paid_amount_reporting,
    coalesce(measured.spent_amount_reporting, 0)::decimal(18, 3) as spent_amount_reporting,
    customer_values.expected_amount_reporting,
    churn_risks.risk_band,
    grouped.behaviour_group,
    churn_risks.churn_risk_rate,
    segmented.recency_score,
    segmented.frequency_score,
    segmented.monetary_score,
    coalesce(journeys.journey_count, 0)::integer as journey_count,
    persons.order_count,
    persons.paid_order_count,
    coalesce(measured.purchase_count, 0)::integer as purchase_count,
    measured.days_since_purchase,
    coalesce(records.open_ticket_count, 0)::integer as open_ticket_count,
    records.last_nps_score,
    records.last_csat_score,
    persons.has_marketing_consent,
    persons.has_analytics_consent,
    persons.is_member,
    coalesce(measured.is_subscribed, false) as is_subscribed,
    measured.first_purchase_date,
    measured.last_purchase_date,
    persons.member_since_at,
    persons.first_touch_at,
    persons.last_touch_at,
    records.last_answered_at
from persons
left join measured on persons.person_id = measured.person_id
left join segmented on persons.person_id = segmented.person_id
left join customer_values on persons.person_id = customer_values.person_id
left join records on persons.person_id = records.person_id
left join journeys on persons.person_id = journeys.person_id
left join churn_risks on persons.person_id = churn_risks.person_id
left join grouped on persons.person_id = grouped.person_id
left join mappings on persons.current_stage = mappings.canonical_stage
