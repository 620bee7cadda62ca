-- Journeys that are alike in all three paths first: there are far fewer of those.
with journeys as (

    select
        {{ month_start_date('started_date') }} as month_start_date,
        channel_path,
        touchpoint_path,
        stage_path,
        count(*) as journey_count,
        count(*) filter (where outcome in ('customer', 'loyal')) as converted_count,
        sum(paid_amount_reporting) as paid_amount_reporting
    from {{ ref('fct_journeys') }}
    group by
        {{ month_start_date('started_date') }}, channel_path, touchpoint_path, stage_path

),

paths as (

    select
        month_start_date,
        'channel' as path_type,
        channel_path as path,
        journey_count,
        converted_count,
        paid_amount_reporting
    from journeys
    union all
    select
        month_start_date,
        'touchpoint_type',
        touchpoint_path,
        journey_count,
        converted_count,
        paid_amount_reporting
    from journeys
    union all
    select
        month_start_date,
        'stage',
        stage_path,
        journey_count,
        converted_count,
        paid_amount_reporting
    from journeys

),

counted as (

    select
        month_start_date,
        path_type,
        path,
        sum(journey_count) as journey_count,
        sum(converted_count) as converted_count,
        sum(paid_amount_reporting) as paid_amount_reporting
    from paths
    group by month_start_date, path_type, path

),

ranked as (

    select
        *,
        row_number() over (
            partition by month_start_date, path_type order by journey_count desc, path asc
        ) as path_rank
    from counted

),

-- Beyond the cut, paths are one row: what is rare is counted, not listed.
cut as (

    select
        * exclude (path, path_rank),
        case when path_rank <= {{ var('path_rank_limit') }} then path else '(other)' end as path,
        least(path_rank, {{ var('path_rank_limit') }} + 1) as path_rank
    from ranked

)

select
    {{ surrogate_key(['month_start_date', 'path_type', 'path_rank']) }} as path_id,
    path_type,
    path,
    {{ reporting_currency() }}::varchar as reporting_currency_code,
    sum(paid_amount_reporting)::decimal(18, 3) as paid_amount_reporting,
    sum(journey_count)::integer as journey_count,
    sum(converted_count)::integer as converted_count,
    path_rank::integer as path_rank,
    count(*)::integer as distinct_path_count,
    round(sum(converted_count)::double / sum(journey_count), 6)::double as converted_rate,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from cut
group by month_start_date, path_type, path, path_rank
