with initiatives as (

    select * from {{ ref('initiatives') }}

),

kpis as (

    select * from {{ ref('dim_kpis') }}

),

periods as (

    select * from {{ ref('int_initiative_periods_aggregated') }}

),

rates as (

    select * from {{ ref('currency_rates') }}
    where reporting_currency_code = {{ reporting_currency() }}

),

pivoted as (

    select
        initiative,
        max(lag_days) as lag_days,
        {% for period in ['before', 'after', 'before_early', 'before_late'] %}
            max(
                case when is_treated and exposure_period = '{{ period }}' then period_value end
            ) as {{ period }}_value,
            max(case
                when not is_treated and exposure_period = '{{ period }}' then period_value
            end) as comparison_{{ period }}_value,
        {% endfor %}
        max(day_count) filter (where is_treated and exposure_period = 'after') as after_day_count,
        max(case
            when is_treated and exposure_period = 'after' then denominator
        end) as after_denominator,
        sqrt(greatest(0, sum(
            case when exposure_period in ('before', 'after') then variance end
        ))) as standard_error,
        sqrt(greatest(0, sum(
            case when exposure_period in ('before_early', 'before_late') then variance end
        ))) as trend_standard_error
    from periods
    group by initiative

),

estimated as (

    select
        initiatives.*,
        kpis.direction,
        pivoted.lag_days,
        pivoted.before_value,
        pivoted.after_value,
        pivoted.comparison_before_value,
        pivoted.comparison_after_value,
        pivoted.after_day_count,
        pivoted.standard_error,
        pivoted.trend_standard_error,
        -- What one more in the value means in units of its numerator.
        pivoted.after_denominator / coalesce(kpis.multiplier, 1) as units_per_effect,
        case
            when initiatives.comparison_value is null then 'before_after'
            else 'difference_in_differences'
        end as method,
        case
            when initiatives.comparison_value is null
                then pivoted.after_value - pivoted.before_value
            else
                (pivoted.after_value - pivoted.before_value)
                - (pivoted.comparison_after_value - pivoted.comparison_before_value)
        end as effect,
        -- What the comparison would have shown before anything was done; null without one.
        (pivoted.before_late_value - pivoted.before_early_value)
        - (pivoted.comparison_before_late_value - pivoted.comparison_before_early_value)
            as trend_difference,
        coalesce(pivoted.after_day_count, 0)
        < initiatives.end_date - initiatives.start_date + 1 as is_running,
        -- Money in the reporting currency, by the rate of the first day.
        initiatives.cost_amount
        * {{ reporting_rate('initiatives.currency_code') }} as cost_amount_reporting,
        case
            when kpis.unit = 'amount' then 1
            else initiatives.unit_value_amount * {{ reporting_rate('initiatives.currency_code') }}
        end::double as unit_value
    from initiatives
    inner join kpis on initiatives.kpi = kpis.kpi
    left join pivoted on initiatives.initiative = pivoted.initiative
    asof left join rates
        on
            initiatives.currency_code = rates.currency_code
            and initiatives.start_date >= rates.rate_date

),

bounded as (

    select
        *,
        effect - 1.96 * standard_error as interval_low,
        effect + 1.96 * standard_error as interval_high,
        case
            when abs(trend_difference) > 1.96 * trend_standard_error then 'not_parallel'
            when trend_difference is not null then 'parallel'
        end as pre_trend
    from estimated

),

judged as (

    select
        *,
        case when direction = 'up' then effect else -effect end as gain,
        case when direction = 'up' then interval_low else -interval_high end as gain_low,
        case when direction = 'up' then interval_high else -interval_low end as gain_high,
        units_per_effect * unit_value as amount_per_effect,
        units_per_effect * unit_value
        / nullif(cost_amount_reporting::double, 0) as return_per_effect
    from bounded

)

select
    initiative,
    name_ja,
    name_en,
    stage,
    touchpoint_type,
    kpi,
    dimension,
    dimension_value,
    comparison_value,
    owner_department,
    method,
    pre_trend,
    case
        when effect is null then 'no_data'
        when is_running then 'running'
        when pre_trend = 'not_parallel' then 'not_comparable'
        when gain_low > 0 then 'improved'
        when gain_high < 0 then 'worsened'
        else 'not_shown'
    end as verdict,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    {{ in_money('cost_amount_reporting', reporting_currency()) }} as cost_amount_reporting,
    {{ in_money('gain * amount_per_effect', reporting_currency()) }} as gained_amount_reporting,
    lag_days::integer as lag_days,
    coalesce(after_day_count, 0)::integer as after_day_count,
    round(before_value, 6)::double as before_value,
    round(after_value, 6)::double as after_value,
    round(comparison_before_value, 6)::double as comparison_before_value,
    round(comparison_after_value, 6)::double as comparison_after_value,
    expected_effect::double as expected_effect_value,
    round(effect, 6)::double as effect_value,
    round(interval_low, 6)::double as interval_low_value,
    round(interval_high, 6)::double as interval_high_value,
    round(trend_difference, 6)::double as trend_difference_value,
    case when gain > 0 then round(cost_amount_reporting::double / gain, 6) end::double
        as cost_per_effect_value,
    round(gain * return_per_effect, 6)::double as return_rate,
    round(gain_low * return_per_effect, 6)::double as return_low_rate,
    round(gain_high * return_per_effect, 6)::double as return_high_rate,
    start_date,
    end_date
from judged
