{%- set dimensions = ['ticket_channel', 'ticket_category', 'handled_by', 'persona'] -%}

with tickets as (

    select
        *,
        {{ month_start_date(business_date('opened_at')) }} as month_start_date
    from {{ ref('fct_tickets') }}

),

-- A median does not add up: the tickets of each slice are taken anew.
sliced as (

    select
        *,
        'all' as dimension,
        'all' as dimension_value
    from tickets
    {% for dimension in dimensions %}
        union all
        select
            *,
            '{{ dimension }}',
            coalesce({{ dimension }}, '(not set)')
        from tickets
    {% endfor %}

),

numbered as (

    select
        *,
        count(first_response_seconds) over slice as response_count,
        count(resolution_seconds) over slice as resolution_count,
        row_number() over (
            partition by month_start_date, dimension, dimension_value
            order by first_response_seconds nulls last, ticket_id
        ) as response_number,
        row_number() over (
            partition by month_start_date, dimension, dimension_value
            order by resolution_seconds nulls last, ticket_id
        ) as resolution_number
    from sliced
    window slice as (partition by month_start_date, dimension, dimension_value)

),

measured as (

    select
        month_start_date,
        dimension,
        dimension_value,
        count(*) as opened_ticket_count,
        max(response_count) as responded_ticket_count,
        count(*) filter (where is_resolved) as resolved_ticket_count,
        count(*) filter (where handled_by = 'bot') as bot_handled_ticket_count,
        {{ percentile('first_response_seconds', 'response_number', 'response_count', 0.5) }}
            as response_median,
        {{ percentile('first_response_seconds', 'response_number', 'response_count', 0.9) }}
            as response_p90,
        {{ percentile('resolution_seconds', 'resolution_number', 'resolution_count', 0.5) }}
            as resolution_median,
        {{ percentile('resolution_seconds', 'resolution_number', 'resolution_count', 0.9) }}
            as resolution_p90
    from numbered
    group by month_start_date, dimension, dimension_value

)

select
    {{ surrogate_key(['month_start_date', 'dimension', 'dimension_value']) }} as support_id,
    dimension,
    dimension_value,
    opened_ticket_count::integer as opened_ticket_count,
    responded_ticket_count::integer as responded_ticket_count,
    resolved_ticket_count::integer as resolved_ticket_count,
    bot_handled_ticket_count::integer as bot_handled_ticket_count,
    round(response_median::double / 3600, 4)::double as median_response_hours,
    round(response_p90::double / 3600, 4)::double as p90_response_hours,
    round(resolution_median::double / 3600, 4)::double as median_resolution_hours,
    round(resolution_p90::double / 3600, 4)::double as p90_resolution_hours,
    {{ is_complete('month_start_date') }} as is_complete,
    month_start_date
from measured
