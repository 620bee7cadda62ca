with live_measures as (

    select
        kpi_measures.measure,
        min(sources.first_seen_date) as first_seen_date
    from {{ ref('kpi_measures') }} as kpi_measures
    inner join {{ ref('int_kpi_sources_aggregated') }} as sources
        on {{ matches('sources.source_table', 'kpi_measures.source_tables') }}
    where not coalesce(kpi_measures.is_unknown_when_absent, false)
    group by kpi_measures.measure

)

select
    measure,
    unnest(
        generate_series(first_seen_date, {{ last_business_date() }}, interval '1 day')
    )::date as kpi_date
from live_measures
