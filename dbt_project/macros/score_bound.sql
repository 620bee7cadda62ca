{% macro score_bound(metric, mean, deviation, answer_count, sign) -%}
    case
        when {{ metric }} = 'csat'
            then (
                {{ mean }} + 1.9208 / {{ answer_count }}
                {{ sign }} 1.96 * sqrt(
                    {{ mean }} * (1 - {{ mean }}) / {{ answer_count }}
                    + 0.9604 / ({{ answer_count }} * {{ answer_count }})
                )
            ) / (1 + 3.8416 / {{ answer_count }})
        when {{ metric }} = 'nps'
            then least(100, greatest(
                -100, {{ mean }} {{ sign }} 1.96 * {{ deviation }} / sqrt({{ answer_count }})
            ))
        else {{ mean }} {{ sign }} 1.96 * {{ deviation }} / sqrt({{ answer_count }})
    end
{%- endmacro %}
