with touchpoint_types as (

    select * from {{ ref('touchpoint_types') }}

),

value_stages as (

    select * from {{ ref('value_stages') }}

),

personas as (

    select * from {{ ref('personas') }}

),

methods as (

    select * from {{ newest_version('attribution_methods', ['method']) }}

),

customer_segments as (

    select * from {{ ref('customer_segments') }}

),

actions as (

    select * from {{ newest_version('actions', ['action']) }}

),

action_codes as (

    select * from {{ ref('action_codes') }}

),

conversion_types as (

    select * from {{ ref('conversion_types') }}

),

experiment_metrics as (

    select * from {{ ref('experiment_metrics') }}

),

experiment_verdicts as (

    select * from {{ ref('experiment_verdicts') }}

),

order_line_types as (

    select * from {{ ref('order_line_types') }}

),

churn_bands as (

    select * from {{ ref('churn_bands') }}

),

churn_rules as (

    select * from {{ ref('churn_rules') }}

),

unioned as (

    select
        'touchpoint_type' as code_type,
        touchpoint_type as code,
        type_order as code_order,
        name_ja,
        name_en
    from touchpoint_types
    union all
    select
        'value_stage',
        value_stage,
        value_stage_rank,
        name_ja,
        name_en
    from value_stages
    union all
    select
        'method',
        method,
        method_order,
        name_ja,
        name_en
    from methods
    union all
    select
        'conversion_type',
        conversion_type,
        type_order,
        name_ja,
        name_en
    from conversion_types
    union all
    select
        'persona',
        persona,
        persona_order,
        name_ja,
        name_en
    from personas
    union all
    select
        segmentation,
        segment,
        segment_rank,
        name_ja,
        name_en
    from customer_segments
    union all
    select
        'next_action',
        action,
        action_order,
        name_ja,
        name_en
    from actions
    union all
    select
        code_type,
        code,
        code_order,
        name_ja,
        name_en
    from action_codes
    union all
    -- Whom no segment fits.
    select
        segmentation,
        'other',
        max(segment_rank) + 1,
        'その他',
        'Other'
    from customer_segments
    where segmentation != 'lifecycle'
    group by segmentation
    having count(*) filter (where segment = 'other') = 0
    union all
    select
        'experiment_metric',
        experiment_metric,
        metric_order,
        name_ja,
        name_en
    from experiment_metrics
    union all
    select
        'experiment_verdict',
        experiment_verdict,
        verdict_order,
        name_ja,
        name_en
    from experiment_verdicts
    union all
    select
        'line_type',
        line_type,
        type_order,
        name_ja,
        name_en
    from order_line_types
    union all
    select
        code_type,
        code,
        code_order,
        name_ja,
        name_en
    from {{ ref('churn_codes') }}
    union all
    select
        'risk_band',
        risk_band,
        band_order,
        name_ja,
        name_en
    from churn_bands
    union all
    select
        'business_type',
        business_type,
        rule_order,
        name_ja,
        name_en
    from churn_rules
    union all
    select
        'restatement_cause',
        restatement_cause,
        cause_order,
        name_ja,
        name_en
    from {{ ref('restatement_causes') }}

)

select
    {{ surrogate_key(['code_type', 'code']) }} as label_id,
    code_type,
    code,
    name_ja,
    name_en,
    code_order
from unioned
