{% macro bare_value(value) -%}
    case when ltrim({{ value }}, '0-') = '' then '0' else lower({{ value }}) end
{%- endmacro %}
