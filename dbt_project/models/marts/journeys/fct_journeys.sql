{{ config(materialized='incremental', incremental_strategy='touched_persons') }}

with journeys as (

    select * from {{ touched_rows('int_journeys_aggregated') }}

),

personas as (

    select
        person_id,
        persona
    from {{ touched_rows('int_persons_described') }}

),

transitions as (

    select * from {{ touched_rows('fct_stage_transitions') }}

),

revenue_points as (

    select * from {{ ref('fct_revenue_points') }}
    where {{ is_touched_person('person_id') }}

),

reached as (

    select
        journey_id,
        arg_max(to_stage, transition_number) filter (where to_stage is not null) as last_stage,
        array_to_string(
            list_sort(
                list(lpad(transition_number::varchar, 4, '0') || to_stage)
                filter (where to_stage is not null)
            ), ' > '
        ) as stage_steps,
        bool_or(to_stage = 'purchase') as has_purchase,
        bool_or(to_stage in ('repeat', 'advocacy')) as has_loyalty
    from transitions
    group by journey_id

),

money as (

    select
        journey_id,
        sum(paid_amount_reporting) as paid_amount_reporting
    from revenue_points
    group by journey_id

)

select
    journeys.journey_id,
    journeys.person_id,
    journeys.first_channel,
    journeys.last_channel,
    journeys.acquisition_channel,
    coalesce(personas.persona, '(not set)') as persona,
    journeys.channel_path,
    journeys.touchpoint_path,
    coalesce(regexp_replace(reached.stage_steps, '(^| > )[0-9]{4}', '\1', 'g'), '(none)')
        as stage_path,
    reached.last_stage,
    -- What came of the journey: lapsing says how it ended, not what it brought.
    case
        when reached.has_loyalty then 'loyal'
        when reached.has_purchase or reached.last_stage = 'use' then 'customer'
        when reached.last_stage is not null then 'prospect'
        else 'none'
    end as outcome,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    coalesce(money.paid_amount_reporting, 0)::decimal(18, 3) as paid_amount_reporting,
    journeys.journey_number::integer as journey_number,
    journeys.touchpoint_count::integer as touchpoint_count,
    {{ seconds_between('journeys.started_at', 'journeys.ended_at') }}::bigint as journey_seconds,
    not{{ is_known(
        "(journeys.ended_at + interval '" ~ var('journey_gap_days') ~ " days')"
    ) }} as is_open,
    {{ business_date('journeys.started_at') }} as started_date,
    {{ business_date('journeys.ended_at') }} as ended_date,
    journeys.started_at,
    journeys.ended_at
from journeys
left join personas on journeys.person_id = personas.person_id
left join reached on journeys.journey_id = reached.journey_id
left join money on journeys.journey_id = money.journey_id
