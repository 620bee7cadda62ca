{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with alignments as (

    select * from {{ touched_rows('fct_journey_alignments') }}
    where is_map_in_force

),

deviations as (

    select * from {{ touched_rows('int_journey_deviations_derived') }}
    where deviation in ('late', 'skipped', 'inserted')

),

-- A journey that does the same unexpected thing twice deviates once.
distinct_deviations as (

    select
        journey_id,
        map_id,
        deviation,
        step
    from deviations
    group by journey_id, map_id, deviation, step

)

select
    alignments.journey_id,
    alignments.person_id,
    alignments.map_id,
    alignments.aspect,
    distinct_deviations.deviation,
    distinct_deviations.step,
    alignments.paid_amount_reporting,
    alignments.is_open,
    {{ month_start_date('alignments.started_date') }} as month_start_date
from distinct_deviations
inner join alignments
    on
        distinct_deviations.journey_id = alignments.journey_id
        and distinct_deviations.map_id = alignments.map_id
