with rates as (

    select * from {{ ref('int_action_rates_scored') }}

),

counts as (

    select * from {{ ref('int_action_responses_aggregated') }}

),

totals as (

    select
        action,
        sum(contacted_count) as contacted_count,
        sum(offered_count) as offered_count,
        sum(held_out_count) as held_out_count
    from counts
    group by action

),

actions as (

    select * from {{ newest_version('actions', ['action']) }}

),

segments as (

    select code as response_segment
    from {{ ref('action_codes') }}
    where code_type = 'response_segment'

),

judged as (

    select
        actions.action,
        segments.response_segment,
        coalesce(counts.contacted_count, 0) as contacted_count,
        coalesce(counts.responded_count, 0) as responded_count,
        coalesce(counts.offered_count, 0) as offered_count,
        coalesce(counts.offered_response_count, 0) as offered_response_count,
        coalesce(counts.held_out_count, 0) as held_out_count,
        coalesce(counts.held_out_response_count, 0) as held_out_response_count,
        rates.expected_response_rate,
        rates.offered_rate,
        rates.held_out_rate,
        actions.assumed_response_rate,
        case
            when
                totals.offered_count >= {{ var('action_minimum_held_out') }}
                and totals.held_out_count >= {{ var('action_minimum_held_out') }}
                then 'incremental'
            when
                totals.contacted_count >= {{ var('action_minimum_contacts') }}
                and counts.contacted_count > 0
                then 'observed_not_incremental'
            when totals.contacted_count >= {{ var('action_minimum_contacts') }}
                then 'observed_in_other_segments'
            when actions.assumed_response_rate is not null then 'assumed'
        end as evidence_kind
    from actions
    cross join segments
    left join totals on actions.action = totals.action
    left join rates
        on
            actions.action = rates.action
            and segments.response_segment = rates.response_segment
    left join counts
        on
            actions.action = counts.action
            and segments.response_segment = counts.response_segment

)

select
    action,
    response_segment,
    contacted_count,
    responded_count,
    offered_count,
    offered_response_count,
    held_out_count,
    held_out_response_count,
    evidence_kind,
    case evidence_kind
        when 'incremental' then offered_rate - held_out_rate
        when 'observed_not_incremental' then expected_response_rate
        when 'observed_in_other_segments' then expected_response_rate
        when 'assumed' then assumed_response_rate
    end::decimal(9, 4) as expected_response_rate,
    case evidence_kind when 'incremental' then offered_count else contacted_count end::integer
        as evidence_count
from judged
