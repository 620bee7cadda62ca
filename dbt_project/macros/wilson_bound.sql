{% macro wilson_bound(share, count, sign) -%}
    (
        {{ share }} + 1.9208 / {{ count }}
        {{ sign }} 1.96 * sqrt(
            {{ share }} * (1 - {{ share }}) / {{ count }} + 0.9604 / ({{ count }} * {{ count }})
        )
    ) / (1 + 3.8416 / {{ count }})
{%- endmacro %}
