{% macro score_interval(deviation, answer_count) -%}
    1.96 * {{ deviation }} / sqrt({{ answer_count }})
{%- endmacro %}
