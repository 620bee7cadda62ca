{% macro last_business_date() -%}
    {{ business_date(as_of_at() ~ " - interval '1 second'") }}
{%- endmacro %}
