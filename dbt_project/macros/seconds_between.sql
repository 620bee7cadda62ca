{% macro seconds_between(started_at, ended_at) -%}
    date_sub('second', {{ started_at }}, {{ ended_at }})
{%- endmacro %}
