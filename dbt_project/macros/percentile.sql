{% macro percentile(measure, number, count, share) -%}
    sum(
        {{ measure }} * greatest(0, 1 - abs({{ number }} - 1 - ({{ count }} - 1) * {{ share }}))
    ) filter (where {{ number }} <= {{ count }})
{%- endmacro %}
