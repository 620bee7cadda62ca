with customers as (

    select * from {{ ref('int_churn_features_derived') }}
    where is_serving and is_active_customer

),

risks as (

    select
        *,
        risk_rate::decimal(9, 6) as rounded_rate
    from {{ ref('int_churn_risks_scored') }}

),

served as (

    select
        business_type,
        item as churn_verdict
    from {{ ref('int_churn_models_valued') }}
    where item_type = 'served'

),

codes as (

    select * from {{ ref('churn_codes') }}

),

bands as (

    select
        *,
        lag(minimum_risk_rate) over (order by minimum_risk_rate desc) as below_risk_rate
    from {{ ref('churn_bands') }}

),

reasons as (

    select
        person_id,
        1 as reason_number,
        first_reason as reason
    from risks
    union all
    select
        person_id,
        2,
        second_reason
    from risks
    union all
    select
        person_id,
        3,
        third_reason
    from risks

),

-- Reasons in their order, in words.
told as (

    select
        reasons.person_id,
        string_agg(codes.name_ja, '、' order by reasons.reason_number) as reasons_ja,
        string_agg(codes.name_en, ', ' order by reasons.reason_number) as reasons_en
    from reasons
    inner join codes on reasons.reason = codes.code
    where codes.code_type = 'churn_reason'
    group by reasons.person_id

)

select
    customers.person_id,
    customers.business_type,
    bands.risk_band,
    risks.first_reason,
    risks.second_reason,
    risks.third_reason,
    told.reasons_ja,
    told.reasons_en,
    risks.predictor as served_by,
    coalesce(served.churn_verdict, 'too_few') as churn_verdict,
    risks.rounded_rate as churn_risk_rate,
    customers.window_days::integer as window_days,
    customers.cutoff_date - 1 as judged_date
from customers
left join risks on customers.person_id = risks.person_id
left join served on customers.business_type = served.business_type
left join told on customers.person_id = told.person_id
left join bands
    on
        risks.rounded_rate >= bands.minimum_risk_rate
        and coalesce(risks.rounded_rate < bands.below_risk_rate, true)
