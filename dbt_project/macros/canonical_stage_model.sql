{% macro canonical_stage_model() -%} 'six' {%- endmacro %}
