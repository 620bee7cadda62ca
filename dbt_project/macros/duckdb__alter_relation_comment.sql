{% macro duckdb__alter_relation_comment(relation, comment) %}
    {%- set text = labelled_comment(model.config.meta, comment) -%}
    comment on {{ relation.type }} {{ relation }} is {{ duckdb_escape_comment(text) }};
{% endmacro %}
