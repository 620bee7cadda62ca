{% macro duckdb__alter_column_comment(relation, column_dict) %}
    {%- set existing = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- for name, column in column_dict.items() if name in existing %}
        {%- set text = labelled_comment(column.config.meta, column.description) %}
        comment on column {{ relation }}.{{ adapter.quote(name) }}
        is {{ duckdb_escape_comment(text) }};
    {%- endfor %}
{% endmacro %}
