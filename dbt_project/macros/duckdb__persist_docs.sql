{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) %}
    {#- Part of a table is replaced: it has its comments, and other ones are other code. -#}
    {%- if config.persist_relation_docs() and not is_incremental() -%}
        {%- set comments -%}
            comment on {{ relation.type }} {{ relation }}
            is {{ duckdb_escape_comment(labelled_comment(model.config.meta, model.description)) }};
            {%- for name, column in model.columns.items() %}
            comment on column {{ relation }}.{{ adapter.quote(name) }}
            is {{ duckdb_escape_comment(labelled_comment(column.config.meta, column.description)) }};
            {%- endfor %}
        {%- endset -%}
        {%- do run_query(comments) -%}
    {%- endif -%}
{% endmacro %}
