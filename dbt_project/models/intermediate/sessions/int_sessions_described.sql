{{ config(schema='touched') }}

{%- set campaign = ['utm_source', 'utm_medium', 'utm_campaign'] %}

with all_events as (

    select
        web_events.*,
        user_agents.user_agent is not null as is_excluded
    from {{ ref('int_web_events_matched_to_visitors') }} as web_events
    left join {{ ref('int_user_agents_classified') }} as user_agents
        on web_events.user_agent = user_agents.user_agent
    where web_events.is_known and {{ is_near_touched('web_events.event_row') }}

),

-- Narrow rows: texts are looked up later, for the few events that decide them.
events as (

    select
        all_events.event_row,
        all_events.event_id,
        hash(all_events.visitor_id) as visitor_key,
        all_events.is_excluded,
        all_events.occurred_at,
        hash(all_events.utm_source, all_events.utm_medium, all_events.utm_campaign)
            as campaign_key,
        all_events.event_name = 'page_view' as is_page_view,
        (
            (all_events.page_url is not null)::utinyint
            + 2 * (all_events.page_referrer is not null)::utinyint
            + 4 * (
                coalesce(all_events.utm_source, all_events.utm_medium, all_events.utm_campaign)
                is not null
            )::utinyint
            + 8 * (all_events.click_id is not null)::utinyint
            + 16 * (all_events.user_id is not null)::utinyint
            + 32 * (all_events.device_type is not null)::utinyint
            + 64 * (all_events.country_code is not null)::utinyint
        )::utinyint as attributes
    from all_events
    {{ only_touched('all_events') }}

),

-- One order for all visitors: the windows need no partition, and the hash is compared, not the id.
gaps as (

    select
        *,
        row_number() over visitor_stream as event_position,
        lag(visitor_key) over visitor_stream as previous_key,
        lag(is_excluded) over visitor_stream as previous_is_excluded,
        lag(occurred_at) over visitor_stream as previous_at,
        lag(campaign_key) over visitor_stream as previous_campaign_key
    from events
    window visitor_stream as (order by visitor_key, is_excluded, occurred_at, event_id)

),

-- A gap of exactly the timeout stays in the session; events of one instant are never parted.
starts as (

    select
        *,
        case
            when
                previous_key is null
                or visitor_key != previous_key
                or is_excluded != previous_is_excluded
                then true
            when occurred_at = previous_at then false
            when
                occurred_at - previous_at > interval '{{ var("session_timeout_minutes") }} minutes'
                then true
            when
                {{ var('session_new_at_midnight') }}
                and {{ business_date('occurred_at') }} > {{ business_date('previous_at') }}
                then true
            else
                {{ var('session_new_on_campaign') }}
                and attributes & 4 != 0
                and campaign_key != previous_campaign_key
        end as is_start
    from gaps

),

runs as (

    select
        *,
        sum(is_start::integer) over (
            order by event_position rows between unbounded preceding and current row
        )::integer as run_number,
        case
            when is_start then 0
            else least(
                {{ seconds_between('previous_at', 'occurred_at') }},
                {{ var('engaged_gap_seconds') }}
            )
        end as engaged_seconds
    from starts

),

-- With a maximum length, a run is cut into pieces of that length from its start.
pieces as (

    select
        *,
        {%- if var('session_maximum_minutes') | int > 0 %}
            min(occurred_at) over (partition by run_number) as run_started_at,
            (
                {{ seconds_between(
                    'min(occurred_at) over (partition by run_number)', 'occurred_at'
                ) }}
            )::bigint // (60 * {{ var('session_maximum_minutes') }}) as piece_number
        {%- else %}
            null::timestamp as run_started_at,
            0 as piece_number
        {%- endif %}
    from runs

),

aggregated as (

    select
        run_number,
        piece_number,
        arg_min(event_row, event_position) as first_row,
        arg_max(event_row, event_position) as last_row,
        bit_or(attributes) as attributes,
        arg_min(attributes, event_position) as first_attributes,
        arg_max(attributes, event_position) as last_attributes,
        count(*) as event_count,
        sum(is_page_view::integer)::integer as page_view_count,
        sum(engaged_seconds)::bigint as engaged_seconds,
        min(run_started_at) as run_started_at
    from pieces
    group by run_number, piece_number

),

-- What the first event (for the exit page: the last one) does not have, and a later one has.
incomplete as (

    select
        run_number,
        piece_number,
        (attributes - first_attributes)
        | case when last_attributes & 1 = 0 then attributes & 1 else 0 end as missing
    from aggregated
    where attributes != first_attributes or last_attributes & 1 = 0

),

-- Rows are looked up by position, only the needed ones: `in` keeps their number small and known.
first_events as (

    select * from {{ ref('int_web_events_matched_to_visitors') }}
    where event_row in (select aggregated.first_row from aggregated)

),

last_events as (

    select * from {{ ref('int_web_events_matched_to_visitors') }}
    where
        event_row in (
            select aggregated.last_row
            from aggregated
            where aggregated.event_count > 1
        )

),

-- The first event may be among them, which changes nothing: what it has is taken from it anyway.
-- A condition on the order would make DuckDB expect many rows and hash all events.
deciding_events as (

    select pieces.*
    from pieces
    inner join incomplete
        on
            pieces.run_number = incomplete.run_number
            and pieces.piece_number = incomplete.piece_number
            and pieces.attributes & incomplete.missing != 0

),

later_events as (

    select
        deciding_events.run_number,
        deciding_events.piece_number,
        deciding_events.event_position,
        deciding_events.attributes & 4 != 0 as has_campaign,
        deciding_rows.*
    from deciding_events
    inner join {{ ref('int_web_events_matched_to_visitors') }} as deciding_rows
        on deciding_events.event_row = deciding_rows.event_row
    where deciding_rows.event_row in (select needed.event_row from deciding_events as needed)

),

found_later as (

    select
        run_number,
        piece_number,
        {%- for utm in campaign %}
            arg_min_null({{ utm }}, event_position) filter (where has_campaign) as {{ utm }},
        {%- endfor %}
        arg_min(page_url, event_position) as landing_page_url,
        arg_max(page_url, event_position) as exit_page_url,
        arg_min(page_referrer, event_position) as page_referrer,
        arg_min_null(page_referrer, event_position) filter (where page_url is not null)
            as landing_referrer,
        arg_min(click_id, event_position) as click_id,
        arg_min_null(click_id_parameter, event_position) filter (where click_id is not null)
            as click_id_parameter,
        arg_min(user_id, event_position) as user_id,
        arg_min(device_type, event_position) as device_type,
        arg_min(country_code, event_position) as country_code
    from later_events
    group by run_number, piece_number

)

-- Of each attribute the first value that an event has; the campaign's three come from one event.
select
    {{ surrogate_key(['first_events.visitor_id', 'first_events.event_id']) }} as session_id,
    first_events.visitor_id,
    first_events.event_id as first_event_id,
    first_events.user_agent,
    coalesce(first_events.page_url, found_later.landing_page_url) as landing_page_url,
    coalesce(last_events.page_url, found_later.exit_page_url, first_events.page_url)
        as exit_page_url,
    coalesce(first_events.page_referrer, found_later.page_referrer) as page_referrer,
    case
        when first_events.page_url is not null then first_events.page_referrer
        else coalesce(first_events.page_referrer, found_later.landing_referrer)
    end as landing_referrer,
    coalesce(first_events.click_id, found_later.click_id) as click_id,
    case
        when first_events.click_id is not null then first_events.click_id_parameter
        else found_later.click_id_parameter
    end as click_id_parameter,
    coalesce(first_events.user_id, found_later.user_id) as first_user_id,
    coalesce(first_events.device_type, found_later.device_type) as device_type,
    coalesce(first_events.country_code, found_later.country_code) as country_code,
    {%- for utm in campaign %}
        case
            when aggregated.first_attributes & 4 != 0 then first_events.{{ utm }}
            else found_later.{{ utm }}
        end as {{ utm }},
    {%- endfor %}
    aggregated.event_count,
    aggregated.page_view_count,
    least(
        aggregated.engaged_seconds,
        coalesce(
            {{ seconds_between('first_events.occurred_at', 'last_events.occurred_at') }}, 0
        )
    ) as engaged_seconds,
    coalesce(aggregated.run_started_at, first_events.occurred_at) as run_started_at,
    first_events.occurred_at as started_at,
    coalesce(last_events.occurred_at, first_events.occurred_at) as ended_at
-- Wide rows come last, so that DuckDB builds its hash table from the narrow ones.
from aggregated
left join last_events on aggregated.last_row = last_events.event_row
inner join first_events on aggregated.first_row = first_events.event_row
left join found_later
    on
        aggregated.run_number = found_later.run_number
        and aggregated.piece_number = found_later.piece_number
