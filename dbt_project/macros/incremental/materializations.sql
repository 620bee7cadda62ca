{% materialization table, adapter="duckdb", supported_languages=["sql", "python"] %}
    {%- set target = this.incorporate(type="table") -%}
    {%- do begin_in_place(target) -%}
    {%- call statement("main", language=model.language) -%}
        {%- if model.language == "sql" -%}
            drop table if exists {{ target }};
        {%- endif %}
        {{ create_table_as(False, target, compiled_code, model.language) }}
    {%- endcall -%}
    {%- do finish_in_place(target) -%}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{% materialization view, adapter="duckdb" %}
    {%- set target = this.incorporate(type="view") -%}
    {%- do begin_in_place(target) -%}
    {%- call statement("main") -%}
        drop view if exists {{ target }};
        {{ get_create_view_as_sql(target, compiled_code) }}
    {%- endcall -%}
    {%- do finish_in_place(target) -%}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{% materialization seed, adapter="duckdb" %}
    {%- set target = this.incorporate(type="table") -%}
    {%- set rules = adapter.get_relation(this.database, "rules", model.name) -%}
    {%- if rules is none -%}
        {%- do exceptions.raise_compiler_error(
            "the rules are not in this warehouse yet; run `journey nightly` first"
        ) -%}
    {%- endif -%}
    {%- do begin_in_place(target) -%}
    {%- call statement("main") -%}
        drop table if exists {{ target }};
        create table {{ target }} as select * from {{ rules }};
    {%- endcall -%}
    {%- do store_result("agate_table", response="OK") -%}  {# dbt looks for it #}
    {%- do finish_in_place(target) -%}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}

{% macro begin_in_place(target) -%}
    {%- set existing = load_cached_relation(target) -%}
    {%- if existing is not none and existing.type != target.type -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
    {%- do run_hooks(pre_hooks, inside_transaction=True) -%}
{%- endmacro %}

{% macro finish_in_place(target) -%}
    {%- do run_hooks(post_hooks, inside_transaction=True) -%}
    {%- do persist_docs(target, model) -%}
    {%- do adapter.commit() -%}
    {%- do run_hooks(post_hooks, inside_transaction=False) -%}
{%- endmacro %}

{% macro py_write_table(temporary, relation, compiled_code, partitioned_by, sorted_by) -%}
{{ compiled_code }}


def materialize(frame, connection):
    connection.register("frame", frame)
    connection.execute('create or replace table {{ relation }} as select * from frame')
    connection.unregister("frame")
{%- endmacro %}
