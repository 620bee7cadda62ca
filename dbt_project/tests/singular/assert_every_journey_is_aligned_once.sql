with alignments as (

    select * from {{ ref('fct_journey_alignments') }}

),

in_force as (

    select
        journey_id,
        count(*) as aspect_count
    from alignments
    where is_map_in_force
    group by journey_id

),

-- Maps of the journey's persona, or those of (any) where it has none, in force when it started.
maps as (

    select
        journeys.journey_id,
        count(*) as aspect_count
    from {{ ref('fct_journeys') }} as journeys
    inner join {{ ref('int_journey_maps_described') }} as maps
        on
            maps.persona = case
                when journeys.persona in (select own.persona from {{ ref('journey_maps') }} as own)
                    then journeys.persona
                else '(any)'
            end
            and {{ holds_on('maps', 'journeys.started_date') }}
    group by journeys.journey_id

)

select alignment_id as finding
from alignments
where
    observed_count != matched_count + repeated_count + inserted_count
    or expected_count != matched_count + skipped_count + pending_count
    or alignment_cost != skipped_count + pending_count + inserted_count
union all
select coalesce(maps.journey_id, in_force.journey_id)
from maps
full outer join in_force on maps.journey_id = in_force.journey_id
where maps.aspect_count is distinct from in_force.aspect_count
