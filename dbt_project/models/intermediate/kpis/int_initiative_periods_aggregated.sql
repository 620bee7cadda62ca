with initiatives as (

    select
        *,
        -- As many days before the start as the initiative lasts.
        (end_date - start_date + 1)::integer as days
    from {{ ref('initiatives') }}

),

kpis as (

    select
        kpis.kpi,
        kpis.multiplier,
        kpis.denominator_measure is not null as has_denominator,
        case measures.judged_after
            {% for option in ['onboarding_days', 'retention_days', 'lifetime_days'] %}
                when '{{ option }}' then {{ var(option) }}
            {% endfor %}
            else 0
        end as lag_days
    from {{ ref('dim_kpis') }} as kpis
    inner join {{ ref('kpi_measures') }} as measures on kpis.numerator_measure = measures.measure

),

kpi_values as (

    select * from {{ ref('kpi_daily') }}

),

bounds as (

    select {{ last_business_date() }} as last_date

),

-- The group that got it, and the one that did not where the seed names one.
groups as (

    select
        initiative,
        dimension_value,
        true as is_treated
    from initiatives
    union all
    select
        initiative,
        comparison_value,
        false
    from initiatives
    where comparison_value is not null

),

days as (

    select
        initiative,
        unnest(
            generate_series(start_date - days, end_date, interval '1 day')
        )::date as exposure_date
    from initiatives

),

-- Who was exposed on a day is judged lag_days later. A day without a value counts 0 of 1 for a
-- count, and nothing for a ratio. Wide decimals: the product of two narrow ones stays narrow, and
-- overflows.
observed as (

    select
        initiatives.initiative,
        groups.is_treated,
        kpis.lag_days,
        days.exposure_date >= initiatives.start_date as is_after,
        days.exposure_date >= initiatives.start_date - (initiatives.days // 2) as is_late,
        (coalesce(kpi_values.numerator, 0) * coalesce(kpis.multiplier, 1))::decimal(20, 4)
            as numerator,
        case
            when not kpis.has_denominator then 1
            else coalesce(kpi_values.denominator, 0)
        end::decimal(20, 4) as denominator
    from groups
    inner join initiatives on groups.initiative = initiatives.initiative
    inner join kpis on initiatives.kpi = kpis.kpi
    inner join days on groups.initiative = days.initiative
    inner join bounds on days.exposure_date + kpis.lag_days <= bounds.last_date
    left join kpi_values
        on
            initiatives.kpi = kpi_values.kpi
            and initiatives.dimension = kpi_values.dimension
            and groups.dimension_value = kpi_values.dimension_value
            and days.exposure_date + kpis.lag_days = kpi_values.kpi_date

),

-- The days before count twice: as a whole, and as the halves whose trend is compared.
periods as (

    select
        *,
        case when is_after then 'after' else 'before' end as exposure_period
    from observed
    union all
    select
        *,
        case when is_late then 'before_late' else 'before_early' end
    from observed
    where not is_after

)

-- A ratio of sums, and its variance over days (delta method).
select
    initiative,
    is_treated,
    exposure_period,
    lag_days,
    count(*)::integer as day_count,
    sum(denominator)::double as denominator,
    sum(numerator)::double / nullif(sum(denominator), 0) as period_value,
    (
        sum(numerator * numerator)::double
        - 2 * sum(numerator * denominator)::double * sum(numerator)::double
        / nullif(sum(denominator), 0)
        + sum(denominator * denominator)::double
        * pow(sum(numerator)::double / nullif(sum(denominator), 0), 2)
    ) * count(*) / nullif((count(*) - 1) * pow(sum(denominator)::double, 2), 0) as variance
from periods
group by initiative, is_treated, exposure_period, lag_days
