with alignments as (

    select
        *,
        {{ month_start_date('started_date') }} as month_start_date
    from {{ ref('fct_journey_alignments') }}
    where is_map_in_force

),

deviations as (

    select * from {{ ref('int_journey_deviations_described') }}

),

monthly as (

    select
        month_start_date,
        map_id,
        map_persona,
        map_version,
        aspect,
        count(*) as journey_count,
        sum(paid_amount_reporting) as paid_amount_reporting
    from alignments
    group by month_start_date, map_id, map_persona, map_version, aspect

),

deviating as (

    select
        month_start_date,
        map_id,
        deviation,
        step,
        count(*) as deviating_count,
        sum(paid_amount_reporting) as deviating_amount_reporting
    from deviations
    group by month_start_date, map_id, deviation, step

),

-- At stake: what the deviating journeys would have paid more, had they paid as the others did.
valued as (

    select
        deviating.*,
        monthly.map_persona,
        monthly.map_version,
        monthly.aspect,
        monthly.journey_count,
        greatest(
            0,
            (monthly.paid_amount_reporting - deviating.deviating_amount_reporting)::double
            / nullif(monthly.journey_count - deviating.deviating_count, 0)
            * deviating.deviating_count
            - deviating.deviating_amount_reporting::double
        ) as at_stake
    from deviating
    inner join monthly
        on
            deviating.month_start_date = monthly.month_start_date
            and deviating.map_id = monthly.map_id

)

select
    {{ surrogate_key(['month_start_date', 'map_id', 'deviation', 'step']) }} as deviation_id,
    map_id,
    map_persona,
    aspect,
    deviation,
    step,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    deviating_amount_reporting::decimal(18, 3) as deviating_amount_reporting,
    round(at_stake, 2)::decimal(18, 3) as at_stake_amount_reporting,
    map_version::integer as map_version,
    journey_count::integer as journey_count,
    deviating_count::integer as deviating_count,
    row_number() over (
        partition by month_start_date, aspect
        order by
            coalesce(round(at_stake, 2), 0) desc,
            deviating_count desc,
            map_persona asc,
            map_version asc,
            deviation asc,
            step asc
    )::integer as deviation_rank,
    round(deviating_count::double / journey_count, 6)::double as deviating_rate,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from valued
