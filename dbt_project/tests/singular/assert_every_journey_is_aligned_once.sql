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

)

select alignment_id as finding
from alignments
where
    observed_count != matched_count + inserted_count
    or expected_count != matched_count + skipped_count + pending_count
    or alignment_cost != skipped_count + pending_count + inserted_count
union all
-- One version of the map per aspect was in force when the journey started.
select journeys.journey_id
from {{ ref('fct_journeys') }} as journeys
left join in_force on journeys.journey_id = in_force.journey_id
where coalesce(in_force.aspect_count, 0) != 2
