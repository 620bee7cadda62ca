{% macro score_bound(metric, mean, deviation, answer_count, sign) -%}
    case
        when {{ metric }} = 'csat'
            then {{ wilson_bound(mean, answer_count, sign) }}
        when {{ metric }} = 'nps'
            then least(100, greatest(
                -100, {{ mean }} {{ sign }} 1.96 * {{ deviation }} / sqrt({{ answer_count }})
            ))
        else {{ mean }} {{ sign }} 1.96 * {{ deviation }} / sqrt({{ answer_count }})
    end
{%- endmacro %}
