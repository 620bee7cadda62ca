with measures as (

    select
        *,
        device_type as device
    from {{ ref('int_kpi_measures_unioned') }}

),

kpis as (

    select * from {{ versions('kpi_definitions', ['kpi']) }}

),

-- One row per dimension of interest; 'all' is the total.
sliced as (

    select
        kpi_date,
        measure,
        {{ slice_of(['channel', 'persona', 'device']) }},
        sum(quantity) as quantity
    from measures
    group by grouping sets (
        (kpi_date, measure),
        (kpi_date, measure, channel),
        (kpi_date, measure, persona),
        (kpi_date, measure, device)
    )

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
    inner join kpis
        on
            sliced.measure = kpis.numerator_measure
            and {{ holds_on('kpis', 'sliced.kpi_date') }}
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
    inner join kpis
        on
            sliced.measure = kpis.denominator_measure
            and {{ holds_on('kpis', 'sliced.kpi_date') }}
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
