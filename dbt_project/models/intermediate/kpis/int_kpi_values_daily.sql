with measures as (

    select * from {{ ref('int_kpi_measures_unioned') }}

),

kpis as (

    select * from {{ ref('dim_kpis') }}

),

-- One row per dimension of interest; 'all' is the total.
sliced as (

    select
        kpi_date,
        measure,
        'all' as dimension,
        'all' as dimension_value,
        quantity
    from measures
    union all
    select
        kpi_date,
        measure,
        'channel',
        channel,
        quantity
    from measures
    union all
    select
        kpi_date,
        measure,
        'persona',
        persona,
        quantity
    from measures
    union all
    select
        kpi_date,
        measure,
        'device',
        device_type,
        quantity
    from measures

),

numerators as (

    select
        sliced.kpi_date,
        kpis.kpi,
        sliced.dimension,
        sliced.dimension_value,
        sum(sliced.quantity) as numerator,
        0 as denominator
    from sliced
    inner join kpis on sliced.measure = kpis.numerator_measure
    group by sliced.kpi_date, kpis.kpi, sliced.dimension, sliced.dimension_value

),

denominators as (

    select
        sliced.kpi_date,
        kpis.kpi,
        sliced.dimension,
        sliced.dimension_value,
        0 as numerator,
        sum(sliced.quantity) as denominator
    from sliced
    inner join kpis on sliced.measure = kpis.denominator_measure
    group by sliced.kpi_date, kpis.kpi, sliced.dimension, sliced.dimension_value

),

both_sides as (

    select * from numerators
    union all
    select * from denominators

)

select
    kpi_date,
    kpi,
    dimension,
    dimension_value,
    sum(numerator)::decimal(24, 4) as numerator,
    sum(denominator)::decimal(24, 4) as denominator
from both_sides
group by kpi_date, kpi, dimension, dimension_value
