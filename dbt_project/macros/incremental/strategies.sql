{% macro get_incremental_touched_visitors_sql(arguments) -%}
    {{ replace_touched(arguments, ref('int_visitors_touched'), 'visitor_id') }}
{%- endmacro %}

{% macro get_incremental_touched_identifiers_sql(arguments) -%}
    {{ replace_touched(
        arguments,
        ref('int_identifiers_touched'),
        'identifier_id',
        arguments["unique_key"] or 'identifier_id'
    ) }}
{%- endmacro %}

{% macro get_incremental_touched_edges_sql(arguments) -%}
    {{ replace_touched(
        arguments,
        touched_edges(arguments["target_relation"], ref('int_identifiers_touched')),
        'edge_id'
    ) }}
{%- endmacro %}

{% macro get_incremental_touched_persons_sql(arguments) -%}
    delete from {{ arguments["target_relation"] }} where person_id is null;
    {{ replace_touched(arguments, ref('int_persons_touched'), 'person_id') }}
{%- endmacro %}

{% macro get_incremental_whole_sql(arguments) -%}
    {%- set columns = arguments["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    delete from {{ arguments["target_relation"] }};
    insert into {{ arguments["target_relation"] }} ({{ columns }})
    select {{ columns }} from {{ arguments["temp_relation"] }}
{%- endmacro %}

{% macro touched_edges(edges, touched) -%}
    (
        select edges.edge_id
        from {{ edges }} as edges
        where
            edges.left_identifier_id in (select identifier_id from {{ touched }})
            or edges.right_identifier_id in (select identifier_id from {{ touched }})
    )
{%- endmacro %}

{% macro replace_touched(arguments, touched, key, held_key=none) -%}
    {%- set columns = arguments["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    {%- set model = arguments["target_relation"].identifier %}
    create schema if not exists touched;
    create or replace table touched.{{ model }} as
    select * from {{ arguments["temp_relation"] }};
    delete from {{ arguments["target_relation"] }} as held
    using {{ touched }} as touched
    where
        held.{{ held_key or key }} = touched.{{ key }}
        and {{ join_filter_hint('touched.' ~ key) }}
        {%- for predicate in arguments["incremental_predicates"] or [] %}
        and {{ predicate }}
        {%- endfor %};
    insert into {{ arguments["target_relation"] }} ({{ columns }})
    select {{ columns }} from {{ arguments["temp_relation"] }}
{%- endmacro %}

{% macro clear_touched() -%}
    {%- if execute and target.type == 'duckdb' %}
    {%- for node in graph.nodes.values() if node.config.materialized == "incremental" %}
    drop table if exists touched.{{ node.name }};
    {%- endfor %}
    {%- set unfit = results | rejectattr("status", "in", ["success", "pass", "warn"]) | list %}
    {%- for result in results if not flags.FULL_REFRESH and not unfit
        and result.node.config.schema == "touched" %}
    truncate {{ result.node.relation_name }};
    {%- endfor %}
    {%- endif %}
{%- endmacro %}
