with maps as (

    select
        *,
        lag(map_id) over (partition by persona, aspect order by valid_from) as previous_map_id
    from {{ ref('int_journey_maps_described') }}

),

-- A map that was never reviewed has nothing to be compared with.
compared_maps as (

    select map_id
    from maps
    where previous_map_id is not null
    union
    select previous_map_id
    from maps
    where previous_map_id is not null

),

alignments as (

    select * from {{ ref('fct_journey_alignments') }}
    where map_id in (select compared_maps.map_id from compared_maps)

),

steps as (

    select
        map_id,
        count(*) filter (where map_change = 'added') as added_count,
        count(*) filter (where map_change = 'removed') as removed_count,
        count(*) filter (where map_change = 'moved') as moved_count,
        count(*) filter (where map_change = 'deadline_changed') as deadline_changed_count,
        count(*) filter (where map_change = 'tolerance_changed') as tolerance_changed_count
    from {{ ref('dim_journey_map_steps') }}
    group by map_id

),

-- The same journeys, all of them, under both versions.
compared as (

    select
        maps.map_id,
        count(*) as journey_count,
        sum(new_alignments.alignment_cost) as alignment_cost,
        sum(old_alignments.alignment_cost) as previous_alignment_cost,
        sum(new_alignments.fitness_rate::decimal(9, 6)) as fitness,
        sum(old_alignments.fitness_rate::decimal(9, 6)) as previous_fitness,
        sum(new_alignments.late_count) as late_count,
        sum(old_alignments.late_count) as previous_late_count,
        count(*) filter (
            where new_alignments.alignment_cost < old_alignments.alignment_cost
        ) as closer_count,
        count(*) filter (
            where new_alignments.alignment_cost > old_alignments.alignment_cost
        ) as farther_count
    from maps
    inner join alignments as new_alignments on maps.map_id = new_alignments.map_id
    inner join alignments as old_alignments
        on
            maps.previous_map_id = old_alignments.map_id
            and new_alignments.journey_id = old_alignments.journey_id
    where maps.previous_map_id is not null
    group by maps.map_id

)

select
    maps.map_id,
    maps.persona as map_persona,
    maps.aspect,
    maps.map_version::integer as map_version,
    steps.added_count::integer as added_count,
    steps.removed_count::integer as removed_count,
    steps.moved_count::integer as moved_count,
    steps.deadline_changed_count::integer as deadline_changed_count,
    steps.tolerance_changed_count::integer as tolerance_changed_count,
    compared.journey_count::integer as journey_count,
    compared.closer_count::integer as closer_count,
    compared.farther_count::integer as farther_count,
    compared.late_count::integer as late_count,
    compared.previous_late_count::integer as previous_late_count,
    round(compared.alignment_cost::double / compared.journey_count, 6)::double
        as average_alignment_cost,
    round(compared.previous_alignment_cost::double / compared.journey_count, 6)::double
        as previous_average_alignment_cost,
    round(compared.fitness::double / compared.journey_count, 6)::double as average_fitness_rate,
    round(compared.previous_fitness::double / compared.journey_count, 6)::double
        as previous_average_fitness_rate,
    maps.valid_from as valid_from_date
from maps
inner join steps on maps.map_id = steps.map_id
inner join compared on maps.map_id = compared.map_id
