{% macro surrogate_key(columns) -%}
    md5({% for column in columns -%}
        coalesce(({{ column }})::varchar, '∅')
        {%- if not loop.last %} || chr(31) || {% endif -%}
    {%- endfor %})
{%- endmacro %}
