with tree as (

    select * from {{ ref('int_kpi_tree_described') }}

),

kpis as (

    select * from {{ ref('dim_kpis') }}

),

-- Unrounded: a rate of six digits times a million visits is no exact product.
period_values as (

    select
        periods.period,
        periods.period_start_date,
        periods.kpi,
        periods.dimension,
        periods.dimension_value,
        case
            when kpis.denominator_measure is null then periods.numerator::double
            when periods.numerator = 0 then 0
            else periods.numerator::double / nullif(periods.denominator, 0)
        end as kpi_value
    from {{ ref('int_kpi_periods_valued') }} as periods
    inner join kpis on periods.kpi = kpis.kpi
    where periods.period in ('week', 'month')

),

-- Each period of the parent's dimension values, with or without anything in it.
periods as (

    select
        period,
        dimension,
        dimension_value,
        period_start_date,
        case
            when period = 'week' then period_start_date + 7
            else (period_start_date + interval '1 month')::date
        end as next_start_date
    from period_values
    group by period, dimension, dimension_value, period_start_date

),

valued as (

    select
        periods.period,
        periods.dimension,
        periods.dimension_value,
        periods.period_start_date,
        periods.next_start_date,
        tree.decomposition,
        tree.parent_kpi,
        tree.first_kpi,
        tree.second_kpi,
        tree.second_role,
        -- What is absent is 0; what would divide by 0 stays null and explains nothing.
        case when firsts.kpi is null then 0 else firsts.kpi_value end as first_value,
        case when seconds.kpi is null then 0 else seconds.kpi_value end as second_value
    from periods
    cross join tree
    left join period_values as firsts
        on
            periods.period = firsts.period
            and periods.dimension = firsts.dimension
            and periods.dimension_value = firsts.dimension_value
            and periods.period_start_date = firsts.period_start_date
            and tree.first_kpi = firsts.kpi
    left join period_values as seconds
        on
            periods.period = seconds.period
            and periods.dimension = seconds.dimension
            and periods.dimension_value = seconds.dimension_value
            and periods.period_start_date = seconds.period_start_date
            and tree.second_kpi = seconds.kpi

),

-- A divisor is a factor of its inverse; without one there is no parent to explain.
factored as (

    select
        * exclude (second_value),
        case
            when second_role = 'divisor' then 1 / nullif(second_value, 0)
            else second_value
        end as second_value
    from valued

),

compared as (

    select
        later.period,
        later.dimension,
        later.dimension_value,
        later.period_start_date,
        later.decomposition,
        later.parent_kpi,
        later.first_kpi,
        later.second_kpi,
        later.second_role,
        earlier.first_value as first_before,
        later.first_value as first_after,
        earlier.second_value as second_before,
        later.second_value as second_after
    from factored as later
    inner join factored as earlier
        on
            later.period = earlier.period
            and later.dimension = earlier.dimension
            and later.dimension_value = earlier.dimension_value
            and later.decomposition = earlier.decomposition
            and later.period_start_date = earlier.next_start_date
    where
        later.first_value is not null
        and later.second_value is not null
        and earlier.first_value is not null
        and earlier.second_value is not null

),

-- Exact for any two values, zeros too: each child's change counts at the mean of the other child.
explained as (

    select
        *,
        first_kpi as child_kpi,
        first_before as child_before,
        first_after as child_after,
        (first_after - first_before)
        * case when second_role = 'term' then 1 else (second_before + second_after) / 2 end
            as contribution
    from compared
    union all
    select
        *,
        second_kpi,
        case when second_role = 'divisor' then 1 / second_before else second_before end,
        case when second_role = 'divisor' then 1 / second_after else second_after end,
        (second_after - second_before)
        * case when second_role = 'term' then 1 else (first_before + first_after) / 2 end
    from compared

)

select
    {{ surrogate_key([
        'period', 'period_start_date', 'decomposition', 'child_kpi', 'dimension', 'dimension_value'
    ]) }} as contribution_id,
    period,
    dimension,
    dimension_value,
    decomposition,
    parent_kpi,
    child_kpi,
    round(
        case
            when second_role = 'term' then first_before + second_before
            else first_before * second_before
        end, 6
    )::double as parent_before_value,
    round(
        case
            when second_role = 'term' then first_after + second_after
            else first_after * second_after
        end, 6
    )::double as parent_after_value,
    round(child_before, 6)::double as child_before_value,
    round(child_after, 6)::double as child_after_value,
    round(contribution, 6)::double as contribution_value,
    case
        when period = 'week' then {{ is_complete('period_start_date', 'week') }}
        else {{ is_complete('period_start_date') }}
    end as is_complete,
    period_start_date
from explained
where first_before * second_before != 0 or first_after * second_after != 0 or second_role = 'term'
