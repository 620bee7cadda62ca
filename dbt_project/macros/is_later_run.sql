{% macro is_later_run() -%}
    {{ return(this is not none and is_incremental()) }}
{%- endmacro %}
