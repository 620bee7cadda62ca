with funnels as (

    select * from {{ ref('event_funnels') }}

),

steps as (

    select * from {{ ref('event_funnel_steps') }}
    where exclusion_number = 0

),

entries as (

    select * from {{ ref('int_event_funnel_entries_matched') }}

),

sessions as (

    select * from {{ ref('fct_sessions') }}

),

timed as (

    select
        *,
        lead(occurred_at) over (
            partition by funnel, unit_id, month_start_date order by step_number
        ) as next_at
    from entries

),

-- What a unit is split by is that of the session in which it began.
ended as (

    select
        timed.funnel,
        timed.unit_id,
        timed.month_start_date::date as month_start_date,
        timed.step_number,
        coalesce(sessions.channel, '(not set)') as channel,
        coalesce(sessions.device_type, '(not set)') as device_type,
        coalesce(sessions.country_code, '(not set)') as country_code,
        case when sessions.visitor_session_number = 1 then 'new' else 'returning' end
            as visitor_type,
        timed.step_number < timed.reached_step_number as is_next,
        timed.step_number = timed.reached_step_number and timed.is_stopped as is_stopped,
        timed.step_number = timed.reached_step_number
        and not timed.is_stopped
        and coalesce(
            {{ seconds_between('timed.started_at', as_of_at()) }} <= funnels.window_seconds, false
        ) as is_open,
        {{ seconds_between('timed.occurred_at', 'timed.next_at') }} as next_seconds
    from timed
    inner join funnels on timed.funnel = funnels.funnel
    inner join sessions on timed.session_id = sessions.session_id

),

dimensions as (

    select unnest(['all', 'channel', 'device_type', 'country_code', 'visitor_type']) as dimension

),

-- Medians are of single values, so a row per dimension.
sliced as (

    select
        ended.*,
        dimensions.dimension,
        case dimensions.dimension
            when 'channel' then ended.channel
            when 'device_type' then ended.device_type
            when 'country_code' then ended.country_code
            when 'visitor_type' then ended.visitor_type
            else 'all'
        end as dimension_value
    from ended
    cross join dimensions

),

numbered as (

    select
        *,
        row_number() over (
            partition by funnel, month_start_date, dimension, dimension_value, step_number
            order by next_seconds asc nulls last, unit_id asc
        ) as time_number,
        count(next_seconds) over (
            partition by funnel, month_start_date, dimension, dimension_value, step_number
        ) as time_count
    from sliced

),

counted as (

    select
        funnel,
        month_start_date,
        dimension,
        dimension_value,
        step_number,
        count(*) as reached_count,
        count(*) filter (where is_next) as next_count,
        count(*) filter (where is_open) as open_count,
        count(*) filter (where is_stopped) as excluded_count,
        {{ percentile('next_seconds', 'time_number', 'time_count', 0.5) }} as median_seconds
    from numbered
    group by funnel, month_start_date, dimension, dimension_value, step_number

),

-- Each slice has every step, also those that nobody reached.
entered as (

    select
        counted.funnel,
        counted.month_start_date,
        counted.dimension,
        counted.dimension_value,
        counted.reached_count as entered_count,
        steps.step_number,
        steps.name_ja,
        steps.name_en,
        max(steps.step_number) over (partition by counted.funnel) as step_count
    from counted
    inner join steps on counted.funnel = steps.funnel
    where counted.step_number = 1

),

filled as (

    select
        entered.*,
        coalesce(counted.reached_count, 0) as reached_count,
        coalesce(counted.next_count, 0) as next_count,
        case
            when entered.step_number < entered.step_count then coalesce(counted.open_count, 0)
            else 0
        end as open_count,
        coalesce(counted.excluded_count, 0) as excluded_count,
        counted.median_seconds
    from entered
    left join counted
        on
            entered.funnel = counted.funnel
            and entered.month_start_date = counted.month_start_date
            and entered.dimension = counted.dimension
            and entered.dimension_value = counted.dimension_value
            and entered.step_number = counted.step_number

),

left_over as (

    select
        *,
        case when step_number < step_count then reached_count - next_count - open_count else 0 end
            as left_count,
        case when step_number < step_count then reached_count - open_count else 0 end
            as decided_count
    from filled

),

compared as (

    select
        left_over.*,
        totals.left_count - left_over.left_count as others_left_count,
        totals.decided_count - left_over.decided_count as others_count
    from left_over
    inner join left_over as totals
        on
            left_over.funnel = totals.funnel
            and left_over.month_start_date = totals.month_start_date
            and left_over.step_number = totals.step_number
            and totals.dimension = 'all'

),

rated as (

    select
        *,
        left_count::double / nullif(decided_count, 0) as left_rate,
        others_left_count::double / nullif(others_count, 0) as others_left_rate
    from compared

)

select
    {{ surrogate_key([
        'rated.funnel', 'rated.month_start_date', 'rated.dimension', 'rated.dimension_value',
        'rated.step_number'
    ]) }} as event_funnel_step_id,
    rated.funnel,
    funnels.name_ja as funnel_name_ja,
    funnels.name_en as funnel_name_en,
    funnels.counted_per,
    funnels.step_order,
    rated.dimension,
    rated.dimension_value,
    rated.name_ja,
    rated.name_en,
    rated.step_number::integer as step_number,
    rated.reached_count::integer as reached_count,
    rated.next_count::integer as next_count,
    rated.open_count::integer as open_count,
    rated.left_count::integer as left_count,
    rated.excluded_count::integer as excluded_count,
    round(rated.reached_count::double / nullif(rated.entered_count, 0), 6)::double as reached_rate,
    round(
        case when rated.step_number < rated.step_count then rated.next_count end::double
        / nullif(rated.reached_count, 0),
        6
    )::double as next_rate,
    round(rated.median_seconds)::bigint as median_next_seconds,
    round(rated.left_rate, 6)::double as left_rate,
    round(rated.left_rate - rated.others_left_rate, 6)::double as left_difference,
    round(
        rated.left_rate - rated.others_left_rate - sqrt(
            pow(
                rated.left_rate - {{ wilson_bound('rated.left_rate', 'rated.decided_count', '-') }},
                2
            )
            + pow(
                {{ wilson_bound('rated.others_left_rate', 'rated.others_count', '+') }}
                - rated.others_left_rate, 2
            )
        ), 6
    )::double as lower_left_difference,
    round(
        rated.left_rate - rated.others_left_rate + sqrt(
            pow(
                {{ wilson_bound('rated.left_rate', 'rated.decided_count', '+') }} - rated.left_rate,
                2
            )
            + pow(
                rated.others_left_rate
                - {{ wilson_bound('rated.others_left_rate', 'rated.others_count', '-') }}, 2
            )
        ), 6
    )::double as upper_left_difference,
    {{ is_complete('rated.month_start_date') }} as is_complete,
    rated.month_start_date
from rated
inner join funnels on rated.funnel = funnels.funnel
