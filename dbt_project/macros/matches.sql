{% macro matches(value, pattern) -%}
    ({{ pattern }} is null or coalesce(regexp_full_match(lower({{ value }}), {{ pattern }}), false))
{%- endmacro %}
