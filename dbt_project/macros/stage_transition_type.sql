{% macro stage_transition_type(chained, number) -%}
    case
        when {{ chained }}.is_lapse then 'lapse'
        when {{ number }} = 1 then 'enter'
        when {{ chained }}.from_stage is null then 'return'
        when {{ chained }}.to_rank = {{ chained }}.from_rank + 1 then 'advance'
        else 'skip'
    end
{%- endmacro %}
