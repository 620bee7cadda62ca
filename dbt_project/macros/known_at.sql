{% macro known_at(occurred_at) -%}
    case when {{ is_known(occurred_at) }} then {{ occurred_at }} end
{%- endmacro %}
