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
        null::decimal(38, 4) as denominator
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
        null::decimal(38, 4) as numerator,
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

),

summed as (

    select
        kpi_date,
        kpi,
        dimension,
        dimension_value,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from both_sides
    group by kpi_date, kpi, dimension, dimension_value

),

-- What a source that delivers does not report of a slice is 0; what no source reports, and a cost
-- that is not known, is not.
live_measures as (

    select
        measures.kpi_date,
        measures.measure
    from measures
    inner join {{ ref('kpi_measures') }} as kpi_measures
        on measures.measure = kpi_measures.measure
    where not coalesce(kpi_measures.is_unknown_when_absent, false)
    group by measures.kpi_date, measures.measure

)

select
    summed.kpi_date,
    summed.kpi,
    summed.dimension,
    summed.dimension_value,
    coalesce(
        summed.numerator, case when live_measures.measure is not null then 0 end
    )::decimal(24, 4) as numerator,
    coalesce(summed.denominator, 0)::decimal(24, 4) as denominator
from summed
inner join kpis on summed.kpi = kpis.kpi and {{ holds_on('kpis', 'summed.kpi_date') }}
left join live_measures
    on
        summed.kpi_date = live_measures.kpi_date
        and kpis.numerator_measure = live_measures.measure
