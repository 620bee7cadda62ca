{% macro is_later_run() -%}
    {{ return(this is not none and (
        is_incremental() or (model.config.materialized == 'table' and rests_on_last_build())
    )) }}
{%- endmacro %}
