{#- Every build is a full one: what replaces rows needs a table format that can delete. -#}
{% materialization incremental, adapter="journey_spark", supported_languages=["sql", "python"] %}
    {%- do adapter.say_that_builds_are_full() -%}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- do adapter.drop_relation(load_cached_relation(this) or target_relation) -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement("main", language=model.language) -%}
        {{ create_table_as(False, target_relation, compiled_code, model.language) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}

{#- The rules as the run found them, not the files of the checkout. -#}
{% materialization seed, adapter="journey_spark" %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- do adapter.drop_relation(load_cached_relation(this) or target_relation) -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement("main") -%}
        create table {{ target_relation }} using parquet as select * from rules.{{ model.name }}
    {%- endcall -%}
    {%- do store_result("agate_table", response="OK") -%}  {# dbt looks for it #}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}
