with measures as (

    select * from {{ ref('int_kpi_measures_unioned') }}

),

kpis as (

    select * from {{ versions('kpi_definitions', ['kpi']) }}

),

sides as (

    {% for side, other in [('numerator', 'denominator'), ('denominator', 'numerator')] %}
        select
            measures.kpi_date,
            kpis.kpi,
            measures.channel,
            measures.persona,
            measures.device_type,
            measures.quantity as {{ side }},
            null::decimal(38, 4) as {{ other }}
        from measures
        inner join kpis
            on
                measures.measure = kpis.{{ side }}_measure
                and {{ holds_on('kpis', 'measures.kpi_date') }}
        {% if not loop.last %}union all by name{% endif %}
    {% endfor %}

),

summed as (

    select
        kpi_date,
        kpi,
        channel,
        persona,
        device_type,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from sides
    group by kpi_date, kpi, channel, persona, device_type

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
    summed.channel,
    summed.persona,
    summed.device_type,
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
