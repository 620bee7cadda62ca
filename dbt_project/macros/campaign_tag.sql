{% macro campaign_tag(tag) -%}
    nullif(
        regexp_replace(
            lower(trim(coalesce({{ tag }}, {{ url_parameter('page_url', tag) }}), ' ')),
            '^(?:{{ unfilled_value() }})$', ''
        ), ''
    )
{%- endmacro %}
