{% macro business_date(occurred_at) -%}
    {{ business_time(occurred_at) }}::date
{%- endmacro %}
