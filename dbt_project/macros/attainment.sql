{% macro attainment(value, target, direction, scale) -%}
    case
        when {{ scale }} != 'ratio' or {{ value }} < 0 or {{ target }} <= 0 then null
        when {{ direction }} = 'up' then {{ value }} / {{ target }}
        else {{ target }} / nullif({{ value }}, 0)
    end
{%- endmacro %}
