with drivers as (

    select * from {{ ref('int_churn_drivers_valued') }}

),

codes as (

    select * from {{ ref('churn_codes') }}
    where code_type = 'churn_feature'

)

select
    {{ surrogate_key([
        'drivers.business_type', 'drivers.feature', 'drivers.feature_value'
    ]) }} as churn_driver_id,
    drivers.business_type,
    drivers.feature,
    nullif(drivers.feature_value, '') as feature_value,
    codes.name_ja as feature_ja,
    codes.name_en as feature_en,
    drivers.churned_count::integer as churned_count,
    drivers.stayed_count::integer as stayed_count,
    drivers.churned_mean::double as churned_mean_value,
    drivers.stayed_mean::double as stayed_mean_value,
    drivers.mean_difference::double as mean_difference_value,
    drivers.low::double as difference_low_value,
    drivers.high::double as difference_high_value,
    drivers.p_value::double as p_value,
    drivers.adjusted_p_value::double as adjusted_p_value,
    coalesce(drivers.adjusted_p_value < 0.05, false) as is_shown
from drivers
inner join codes on drivers.feature = codes.code
