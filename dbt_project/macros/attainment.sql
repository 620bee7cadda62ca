{% macro attainment(value, target, direction) -%}
    case
        when {{ direction }} = 'up' then {{ value }} / nullif({{ target }}, 0)
        else {{ target }} / nullif({{ value }}, 0)
    end
{%- endmacro %}
