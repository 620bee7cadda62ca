{% macro month_start_date(calendar_date) -%}
    (({{ calendar_date }}) - (day({{ calendar_date }})::integer - 1))
{%- endmacro %}
