{% macro page_path(page_url) -%}
    coalesce(nullif(
        regexp_extract(lower({{ page_url }}), '^([a-z][a-z0-9+.-]*://[^/?#]*)?([^?#]*)', 2), ''
    ), '/')
{%- endmacro %}
