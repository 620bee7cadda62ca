{% macro is_known(occurred_at) -%}
    ({{ occurred_at }} < {{ as_of_at() }})
{%- endmacro %}
