{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with paths as (

    select * from {{ touched_rows('int_journey_paths_aggregated') }}

),

deviations as (

    select * from {{ touched_rows('int_journey_deviations_derived') }}

),

journeys as (

    select * from {{ touched_rows('fct_journeys') }}

),

maps as (

    select * from {{ ref('int_journey_maps_described') }}

),

counted as (

    select
        journey_id,
        map_id,
        count(*) filter (where deviation in ('matched', 'late')) as matched_count,
        count(*) filter (where deviation = 'skipped') as skipped_count,
        count(*) filter (where deviation = 'pending') as pending_count,
        count(*) filter (where deviation = 'inserted') as inserted_count,
        count(*) filter (where deviation = 'late') as late_count
    from deviations
    group by journey_id, map_id

)

-- Cost = observed + expected − 2 × the longest common subsequence.
select
    {{ surrogate_key(['paths.journey_id', 'maps.map_id']) }} as alignment_id,
    paths.journey_id,
    journeys.person_id,
    maps.map_id,
    maps.persona as map_persona,
    paths.aspect,
    paths.path as observed_path,
    maps.map_path as expected_path,
    journeys.reporting_currency_code,
    journeys.paid_amount_reporting,
    maps.map_version::integer as map_version,
    paths.observed_count,
    maps.expected_count,
    counted.matched_count::integer as matched_count,
    counted.skipped_count::integer as skipped_count,
    counted.pending_count::integer as pending_count,
    counted.inserted_count::integer as inserted_count,
    counted.late_count::integer as late_count,
    (paths.observed_count + maps.expected_count - 2 * counted.matched_count)::integer
        as alignment_cost,
    round(
        2 * counted.matched_count::double / (paths.observed_count + maps.expected_count), 6
    )::double as fitness_rate,
    -- The version that was in force when the journey started.
    {{ holds_on('maps', 'journeys.started_date') }} as is_map_in_force,
    journeys.is_open,
    journeys.started_date,
    journeys.started_at
from paths
inner join maps on paths.aspect = maps.aspect and paths.map_persona = maps.persona
inner join counted on paths.journey_id = counted.journey_id and maps.map_id = counted.map_id
inner join journeys on paths.journey_id = journeys.journey_id
