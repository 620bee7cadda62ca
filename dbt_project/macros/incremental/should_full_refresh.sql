{% macro should_full_refresh() -%}
    {{ return(flags.FULL_REFRESH or target.name == 'by_hand' or target.type == 'journey_spark') }}
{%- endmacro %}
