with items as (

    select * from {{ ref('int_churn_models_valued') }}

),

-- What holds for a business type as a whole.
trials as (

    select
        business_type,
        max(item) filter (where item_type = 'served') as churn_verdict,
        nullif(max(predictor) filter (where item_type = 'served'), '(none)') as served_by,
        max(item_value) filter (where item = 'train_rows')::integer as train_rows,
        max(item_value) filter (where item = 'train_persons')::integer as train_persons,
        max(item_value) filter (where item = 'train_churned')::integer as train_churned,
        max(item_value) filter (where item = 'test_rows')::integer as test_rows,
        max(item_value) filter (where item = 'test_churned')::integer as test_churned,
        date '1970-01-01'
        + max(item_value) filter (where item = 'first_train')::integer as first_train_date,
        date '1970-01-01'
        + max(item_value) filter (where item = 'last_train')::integer as last_train_date,
        date '1970-01-01'
        + max(item_value) filter (where item = 'test')::integer as test_date
    from items
    group by business_type

),

-- A business type without a comparison has one row, which says so.
compared as (

    select
        business_type,
        predictor,
        case item_type when 'importance' then 'importance' else item end as metric,
        case item_type when 'importance' then item end as feature,
        item_value,
        low_value,
        high_value
    from items
    where item_type in ('metric', 'importance')
    union all
    select
        business_type,
        null,
        null,
        null,
        null,
        null,
        null
    from trials
    where churn_verdict = 'too_few'

),

codes as (

    select * from {{ ref('churn_codes') }}

)

select
    {{ surrogate_key([
        'compared.business_type', 'compared.predictor', 'compared.metric', 'compared.feature'
    ]) }} as churn_model_card_id,
    compared.business_type,
    compared.predictor,
    compared.metric as card_metric,
    compared.feature,
    trials.churn_verdict,
    codes.name_ja as verdict_ja,
    codes.name_en as verdict_en,
    trials.served_by,
    compared.predictor is not null and compared.predictor = trials.served_by as is_serving,
    trials.train_rows as train_row_count,
    trials.train_persons as train_person_count,
    trials.train_churned as train_churned_count,
    trials.test_rows as test_row_count,
    trials.test_churned as test_churned_count,
    compared.item_value::double as card_value,
    compared.low_value::double as card_low_value,
    compared.high_value::double as card_high_value,
    trials.first_train_date,
    trials.last_train_date,
    trials.test_date
from compared
inner join trials on compared.business_type = trials.business_type
left join codes on codes.code_type = 'churn_verdict' and trials.churn_verdict = codes.code
