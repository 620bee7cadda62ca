{% macro host_of(url) -%}
    nullif(
        regexp_extract(
            lower({{ url }}),
            '^(?:[a-z][a-z0-9+.]*|android-app|ios-app)://(?:www\.)?([^/:?#]+)', 1
        ), ''
    )
{%- endmacro %}
