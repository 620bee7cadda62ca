{% macro is_complete(period_start_date, period='month') -%}
    (
        {{ next_period_start_date(period_start_date, period) }}
        <= {{ business_date(as_of_at()) }}
    )
{%- endmacro %}

{% macro next_period_start_date(period_start_date, period='month') -%}
    {%- if period == 'day' -%}
        ({{ period_start_date }} + 1)
    {%- elif period == 'week' -%}
        ({{ period_start_date }} + 7)
    {%- else -%}
        ({{ period_start_date }} + interval '1 month')::date
    {%- endif -%}
{%- endmacro %}
