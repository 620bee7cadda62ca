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
        count(*) filter (where deviation = 'repeated') as repeated_count,
        count(*) filter (where deviation = 'late') as late_count
    from deviations
    group by journey_id, map_id

),

-- Optional steps that did not come are not expected, and steps that may come again count once.
compared as (

    select
        paths.journey_id,
        paths.aspect,
        paths.path,
        paths.observed_count,
        maps.map_id,
        maps.persona,
        maps.map_version,
        maps.map_path,
        maps.valid_from,
        maps.valid_to,
        coalesce(counted.matched_count, 0) as matched_count,
        coalesce(counted.skipped_count, 0) as skipped_count,
        coalesce(counted.pending_count, 0) as pending_count,
        coalesce(counted.inserted_count, 0) as inserted_count,
        coalesce(counted.repeated_count, 0) as repeated_count,
        coalesce(counted.late_count, 0) as late_count
    from paths
    inner join maps on paths.aspect = maps.aspect and paths.map_persona = maps.persona
    left join counted on paths.journey_id = counted.journey_id and maps.map_id = counted.map_id

)

-- Cost = observed once + expected − 2 × the longest common subsequence.
select
    {{ surrogate_key(['compared.journey_id', 'compared.map_id']) }} as alignment_id,
    compared.journey_id,
    journeys.person_id,
    compared.map_id,
    compared.persona as map_persona,
    compared.aspect,
    compared.path as observed_path,
    compared.map_path as expected_path,
    journeys.reporting_currency_code,
    journeys.paid_amount_reporting,
    compared.map_version::integer as map_version,
    compared.observed_count,
    (compared.matched_count + compared.skipped_count + compared.pending_count)::integer
        as expected_count,
    compared.matched_count::integer as matched_count,
    compared.skipped_count::integer as skipped_count,
    compared.pending_count::integer as pending_count,
    compared.inserted_count::integer as inserted_count,
    compared.repeated_count::integer as repeated_count,
    compared.late_count::integer as late_count,
    (compared.inserted_count + compared.skipped_count + compared.pending_count)::integer
        as alignment_cost,
    round(
        2 * compared.matched_count::double
        / (
            2 * compared.matched_count
            + compared.inserted_count + compared.skipped_count + compared.pending_count
        ),
        6
    )::double as fitness_rate,
    -- The version that was in force when the journey started.
    {{ holds_on('compared', 'journeys.started_date') }} as is_map_in_force,
    journeys.is_open,
    journeys.started_date,
    journeys.started_at
from compared
inner join journeys on compared.journey_id = journeys.journey_id
