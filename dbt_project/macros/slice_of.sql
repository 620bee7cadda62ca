{% macro slice_of(columns) -%}
    case
        {%- for column in columns %}
            when grouping({{ column }}) = 0 then '{{ column }}'
        {%- endfor %}
            else 'all'
    end as dimension,
    case
        {%- for column in columns %}
            when grouping({{ column }}) = 0 then {{ column }}
        {%- endfor %}
            else 'all'
    end as dimension_value
{%- endmacro %}
