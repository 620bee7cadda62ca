{% macro rests_on_last_build() -%}
    {{ return(execute and not should_full_refresh() and load_relation(
        api.Relation.create(database=target.database, schema='marts', identifier='dim_persons')
    ) is not none) }}
{%- endmacro %}

{% macro last_build(schema, model, columns) -%}
    {%- if rests_on_last_build() -%}
        (select {{ columns.keys() | join(', ') }} from {{ schema }}.{{ model }})
    {%- else -%}
        (
            select {% for column, data_type in columns.items() %}null::{{ data_type }} as {{ column }}
            {%- if not loop.last %}, {% endif %}{% endfor %}
            where false
        )
    {%- endif -%}
{%- endmacro %}
