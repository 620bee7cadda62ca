{% macro host_of(url) -%}
    nullif(regexp_extract(lower({{ url }}), '^[a-z][a-z0-9+.-]*://(?:www\.)?([^/:?#]+)', 1), '')
{%- endmacro %}
