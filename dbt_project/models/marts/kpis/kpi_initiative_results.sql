with initiatives as (

    select
        *,
        -- As many days before the start as the initiative lasts.
        end_date - start_date + 1 as days
    from {{ ref('initiatives') }}

),

kpis as (

    select * from {{ ref('dim_kpis') }}

),

kpi_values as (

    select * from {{ ref('kpi_daily') }}

),

rates as (

    select * from {{ ref('currency_rates') }}
    where reporting_currency_code = {{ reporting_currency() }}

),

bounds as (

    select {{ last_business_date() }} as last_date

),

-- The group that got it, and the one that did not where the seed names one.
groups as (

    select
        initiatives.initiative,
        initiatives.kpi,
        initiatives.dimension,
        initiatives.dimension_value,
        true as is_treated
    from initiatives
    union all
    select
        initiatives.initiative,
        initiatives.kpi,
        initiatives.dimension,
        initiatives.comparison_value,
        false
    from initiatives
    where initiatives.comparison_value is not null

),

days as (

    select
        initiatives.initiative,
        unnest(
            generate_series(
                initiatives.start_date - initiatives.days::integer,
                initiatives.end_date,
                interval '1 day'
            )
        )::date as kpi_date
    from initiatives

),

-- A day without a value counts 0 of 1 for a count, and nothing for a ratio. Wide decimals: the
-- product of two narrow ones stays narrow, and overflows.
observed as (

    select
        groups.initiative,
        groups.is_treated,
        days.kpi_date >= initiatives.start_date as is_after,
        (coalesce(kpi_values.numerator, 0) * coalesce(kpis.multiplier, 1))::decimal(20, 4)
            as numerator,
        case
            when kpis.denominator_measure is null then 1
            else coalesce(kpi_values.denominator, 0)
        end::decimal(20, 4) as denominator
    from groups
    inner join initiatives on groups.initiative = initiatives.initiative
    inner join days on groups.initiative = days.initiative
    inner join bounds on days.kpi_date <= bounds.last_date
    inner join kpis on groups.kpi = kpis.kpi
    left join kpi_values
        on
            groups.kpi = kpi_values.kpi
            and groups.dimension = kpi_values.dimension
            and groups.dimension_value = kpi_values.dimension_value
            and days.kpi_date = kpi_values.kpi_date

),

-- A ratio of sums, and its variance over days (delta method).
cells as (

    select
        initiative,
        is_treated,
        is_after,
        count(*) as day_count,
        sum(numerator)::double / nullif(sum(denominator), 0) as cell_value,
        (
            sum(numerator * numerator)::double
            - 2 * sum(numerator * denominator)::double * sum(numerator)::double
            / nullif(sum(denominator), 0)
            + sum(denominator * denominator)::double
            * pow(sum(numerator)::double / nullif(sum(denominator), 0), 2)
        ) * count(*) / nullif((count(*) - 1) * pow(sum(denominator)::double, 2), 0) as variance
    from observed
    group by initiative, is_treated, is_after

),

pivoted as (

    select
        initiative,
        max(cell_value) filter (where is_treated and not is_after) as before_value,
        max(cell_value) filter (where is_treated and is_after) as after_value,
        max(cell_value) filter (where not is_treated and not is_after) as comparison_before_value,
        max(cell_value) filter (where not is_treated and is_after) as comparison_after_value,
        max(day_count) filter (where is_treated and is_after) as after_day_count,
        sqrt(greatest(0, sum(variance))) as standard_error
    from cells
    group by initiative

),

estimated as (

    select
        initiatives.*,
        kpis.direction,
        pivoted.before_value,
        pivoted.after_value,
        pivoted.comparison_before_value,
        pivoted.comparison_after_value,
        pivoted.after_day_count,
        pivoted.standard_error,
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
        coalesce(pivoted.after_day_count, 0) < initiatives.days as is_running,
        -- The costs in the reporting currency, by the rate of the first day.
        initiatives.cost_amount
        * {{ reporting_rate('initiatives.currency_code') }} as cost_amount_reporting
    from initiatives
    inner join kpis on initiatives.kpi = kpis.kpi
    left join pivoted on initiatives.initiative = pivoted.initiative
    asof left join rates
        on
            initiatives.currency_code = rates.currency_code
            and initiatives.start_date >= rates.rate_date

),

judged as (

    select
        *,
        effect - 1.96 * standard_error as interval_low,
        effect + 1.96 * standard_error as interval_high,
        case when direction = 'up' then effect else -effect end as gain
    from estimated

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
    case
        when effect is null then 'no_data'
        when is_running then 'running'
        when interval_low > 0 then case when direction = 'up' then 'improved' else 'worsened' end
        when interval_high < 0 then case when direction = 'up' then 'worsened' else 'improved' end
        else 'not_shown'
    end as verdict,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    {{ in_money('cost_amount_reporting', reporting_currency()) }} as cost_amount_reporting,
    coalesce(after_day_count, 0)::integer as after_day_count,
    round(before_value, 6)::double as before_value,
    round(after_value, 6)::double as after_value,
    round(comparison_before_value, 6)::double as comparison_before_value,
    round(comparison_after_value, 6)::double as comparison_after_value,
    expected_effect::double as expected_effect_value,
    round(effect, 6)::double as effect_value,
    round(interval_low, 6)::double as interval_low_value,
    round(interval_high, 6)::double as interval_high_value,
    case when gain > 0 then round(cost_amount_reporting::double / gain, 6) end::double
        as cost_per_effect_value,
    start_date,
    end_date
from judged
