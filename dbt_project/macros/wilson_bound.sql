{% macro wilson_bound(share, count, sign) -%}
    {%- set trials = 'nullif(' ~ count ~ ', 0)' -%}
    (
        {{ share }} + 1.9208 / {{ trials }}
        {{ sign }} 1.96 * sqrt(
            {{ share }} * (1 - {{ share }}) / {{ trials }} + 0.9604 / ({{ trials }} * {{ trials }})
        )
    ) / (1 + 3.8416 / {{ trials }})
{%- endmacro %}
