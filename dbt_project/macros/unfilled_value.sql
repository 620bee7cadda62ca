{% macro unfilled_value() -%}
    undefined|null|none|nan|n/a|[(]not set[)]|(?:[{]|%7b)[^&#]*
{%- endmacro %}
