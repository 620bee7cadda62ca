with aggregated as (

    select * from {{ ref('int_pain_points_aggregated') }}

),

weights as (

    select
        coalesce(max(weight) filter (where component = 'dropoff'), 0) as dropoff_weight,
        coalesce(max(weight) filter (where component = 'dissatisfaction'), 0)
            as dissatisfaction_weight,
        coalesce(max(weight) filter (where component = 'money'), 0) as money_weight,
        coalesce(max(weight) filter (where component = 'ticket'), 0) as ticket_weight
    from {{ ref('pain_weights') }}

),

-- A slice is a month or all of them, and a persona or all of them.
sliced as (

    select
        month_start_date,
        coalesce(month_start_date::varchar, 'all') as month_or_all,
        coalesce(persona, 'all') as persona,
        stage,
        touchpoint_type,
        sum(journey_count) as journey_count,
        sum(dropoff_count) as dropoff_count,
        sum(ticket_count) as ticket_count,
        sum(answer_count) as answer_count,
        sum(dissatisfied_count) as dissatisfied_count,
        sum(at_stake_amount_reporting) as at_stake_amount_reporting
    from aggregated
    group by
        grouping sets (
            (stage, touchpoint_type),
            (stage, touchpoint_type, persona),
            (stage, touchpoint_type, month_start_date),
            (stage, touchpoint_type, month_start_date, persona)
        )

),

-- More dissatisfied answers than there would be, were people as dissatisfied as with the rest.
compared as (

    select
        *,
        case
            when answer_count >= {{ var('minimum_answers') }}
                then greatest(
                    0,
                    dissatisfied_count - answer_count * coalesce(
                        (sum(dissatisfied_count) over slice - dissatisfied_count)::double
                        / nullif(sum(answer_count) over slice - answer_count, 0),
                        0
                    )
                )
        end as excess_dissatisfied
    from sliced
    window slice as (partition by month_or_all, persona)

),

-- Each point's part of what the slice loses; what a slice knows nothing of has no part in it.
shared as (

    select
        *,
        dropoff_count::double / nullif(sum(dropoff_count) over slice, 0) as dropoff_share,
        excess_dissatisfied
        / nullif(sum(round(excess_dissatisfied, 6)::decimal(18, 6)) over slice, 0)
            as dissatisfaction_share,
        at_stake_amount_reporting::double
        / nullif(sum(at_stake_amount_reporting) over slice, 0) as money_share,
        ticket_count::double / nullif(sum(ticket_count) over slice, 0) as ticket_share
    from compared
    window slice as (partition by month_or_all, persona)

),

scored as (

    select
        shared.*,
        round(
            (
                weights.dropoff_weight * coalesce(shared.dropoff_share, 0)
                + weights.dissatisfaction_weight * coalesce(shared.dissatisfaction_share, 0)
                + weights.money_weight * coalesce(shared.money_share, 0)
                + weights.ticket_weight * coalesce(shared.ticket_share, 0)
            )::double
            / nullif(
                weights.dropoff_weight * (max(shared.dropoff_share) over slice is not null)::integer
                + weights.dissatisfaction_weight
                * (max(shared.dissatisfaction_share) over slice is not null)::integer
                + weights.money_weight * (max(shared.money_share) over slice is not null)::integer
                + weights.ticket_weight
                * (max(shared.ticket_share) over slice is not null)::integer,
                0
            ), 6
        ) as priority_score
    from shared
    cross join weights
    window slice as (partition by shared.month_or_all, shared.persona)

)

select
    * exclude (dissatisfied_count),
    -- Too few answers are not shown.
    case when excess_dissatisfied is not null then dissatisfied_count end as dissatisfied_count,
    case
        when excess_dissatisfied is not null then dissatisfied_count::double / answer_count
    end as dissatisfaction_rate,
    case
        when dropoff_count > 0
            then row_number() over (
                partition by month_or_all, persona
                order by dropoff_count desc, stage asc, touchpoint_type asc
            )
    end as dropoff_rank,
    case
        when excess_dissatisfied > 0
            then row_number() over (
                partition by month_or_all, persona
                order by excess_dissatisfied desc nulls last, stage asc, touchpoint_type asc
            )
    end as dissatisfaction_rank,
    case
        when at_stake_amount_reporting > 0
            then row_number() over (
                partition by month_or_all, persona
                order by at_stake_amount_reporting desc nulls last, stage asc, touchpoint_type asc
            )
    end as money_rank,
    row_number() over (
        partition by month_or_all, persona
        order by
            coalesce(priority_score, 0) desc, dropoff_count desc, stage asc, touchpoint_type asc
    ) as priority_rank
from scored
