{#- Wherever dbt makes a statement of the models' SQL, the adapter translates it first. -#}

{% macro journey_spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if language == 'python' -%}
        {{ compiled_code }}
    {%- elif temporary -%}
        create or replace temporary view {{ relation }} as
        {{ compiled_code }}
    {%- else -%}
        {%- set format = config.get('file_format') or 'parquet' -%}
        create {{ 'or replace ' if format in ('delta', 'iceberg') }}table {{ relation }}
        using {{ format }} as
        {{ adapter.translated(compiled_code, model) }}
    {%- endif -%}
{%- endmacro %}

{% macro journey_spark__create_view_as(relation, sql) -%}
    create or replace view {{ relation }} as
    {{ adapter.translated(sql, model) }}
{%- endmacro %}

{% macro journey_spark__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {{ default__get_test_sql(adapter.translated(main_sql), fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}

{% macro journey_spark__get_empty_subquery_sql(select_sql, select_sql_header=none) -%}
    {{ default__get_empty_subquery_sql(adapter.translated(select_sql), select_sql_header) }}
{%- endmacro %}

{% macro journey_spark__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
    {%- set expected = expected_fixture_sql -%}
    {%- if 'dbt_internal_unit_test_actual' not in expected -%}
        {%- set expected = adapter.translated(expected) -%}
    {%- endif -%}
    {{ default__get_unit_test_sql(adapter.translated(main_sql), expected, expected_column_names) }}
{%- endmacro %}

{#- Fixtures are SQL of DuckDB until they are translated. -#}
{% macro journey_spark__escape_single_quotes(expression) -%}
    {{ expression | replace("'", "''") }}
{%- endmacro %}

{#- Comments are set once, when a release is published. -#}
{% macro journey_spark__persist_docs(relation, model, for_relation, for_columns) -%}{%- endmacro %}
