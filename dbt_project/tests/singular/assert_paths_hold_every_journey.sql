with journeys as (

    select
        count(*) as journey_count,
        sum(paid_amount_reporting) as paid_amount_reporting
    from {{ ref('fct_journeys') }}

),

paths as (

    select
        path_type,
        sum(journey_count) as journey_count,
        sum(paid_amount_reporting) as paid_amount_reporting
    from {{ ref('kpi_paths_monthly') }}
    group by path_type

)

select paths.path_type
from paths
cross join journeys
where
    paths.journey_count != journeys.journey_count
    or paths.paid_amount_reporting != journeys.paid_amount_reporting
