{% macro identifier_order(identifier_type) -%}
    list_position(['contact', 'user', 'email', 'phone', 'visitor'], {{ identifier_type }})
{%- endmacro %}
